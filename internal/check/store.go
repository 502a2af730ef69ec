package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/walletnode/walletnode/internal/store"
)

// Room on the store's disk, in bytes.
const (
	minFree   = 64 << 20 // below, a node is not ready
	scantFree = 1 << 30  // a year of a large node
)

// store looks at the store and its disk, whether or not a node runs.
func (r *run) store(ctx context.Context) {
	dir, err := store.Directory(r.Config.StoreDSN())
	if errors.Is(err, store.ErrElsewhere) {
		dir, err = r.Config.Node.DataDir, nil // it holds the instance's key all the same
	}
	if err != nil {
		r.add("directory", fail("correct store.dsn", "%v", err))
		return
	}
	var there string // the directory, or the nearest one above it that exists
	r.step("directory", func() verdict {
		if there, err = writable(dir); err != nil {
			return fail(Advice(fmt.Errorf("%w: %w", store.ErrNotWritable, err)), "%v", err)
		}
		if there != dir {
			return pass("%s is made at the first start", dir)
		}
		return pass("%s can be written", dir)
	})
	r.step("store", func() verdict {
		err := store.Check(ctx, r.Config.StoreDSN())
		switch {
		case errors.Is(err, store.ErrNotFound) && store.Shared(r.Config.StoreDSN()):
			return pass("the database answers and is empty: the first start makes its tables")
		case errors.Is(err, store.ErrNotFound):
			return pass("none yet: the first start makes it")
		case err != nil:
			return fail(Advice(err), "%v", err)
		}
		if process, running, err := store.Running(r.Config.StoreDSN()); err == nil && running { // this one, or a sibling
			return pass("sound; a node runs on it, process %s", process)
		}
		return pass("sound; no node runs on it")
	})
	r.step("chain", func() verdict { return r.checkBinding(ctx) })
	if r.Config.Shared() {
		r.step("durability", func() verdict { return r.durability(ctx) })
	}
	if there != "" {
		r.add("disk", judgeRoom(store.FreeBytes(there)))
	}
}

// writable tries to make a file in a directory, or in the nearest one above it that exists.
func writable(dir string) (there string, err error) {
	for {
		if _, err = os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	file, err := os.CreateTemp(dir, ".walletnode-check-*")
	if err != nil {
		return "", err
	}
	return dir, errors.Join(file.Close(), os.Remove(file.Name()))
}

// checkBinding compares the chain that the store belongs to with the one configured and the one at the endpoint, as far as
// that was asked.
func (r *run) checkBinding(ctx context.Context) verdict {
	reader, err := store.OpenReader(ctx, r.Config.StoreDSN())
	if err != nil {
		return skip("the store cannot be read yet")
	}
	figures, err := reader.Figures(ctx)
	if err = errors.Join(err, reader.Close()); err != nil {
		return fail(Advice(err), "%v", err)
	}
	want := r.Config.Ethereum.ChainID
	if r.asked && r.chainErr == nil {
		want = r.chainID
	}
	switch {
	case figures.ChainID == "":
		return pass("the first start binds it to a chain")
	case want != 0 && figures.ChainID != strconv.FormatUint(want, 10):
		return fail(Advice(store.ErrWrongChain), "the store belongs to chain %s, the node would follow chain %d", figures.ChainID, want)
	}
	return pass("chain %s", figures.ChainID)
}

// durability asks the database's server whether what it acknowledges survives the death of its machine.
func (r *run) durability(ctx context.Context) verdict {
	reader, err := store.OpenReader(ctx, r.Config.StoreDSN())
	if err != nil {
		return skip("the store cannot be read yet")
	}
	err = reader.Durability(ctx)
	closed := reader.Close()
	switch {
	case errors.Is(err, store.ErrNotDurable):
		return warn(Advice(err), "%v", err)
	case err != nil || closed != nil:
		return fail(Advice(err), "%v", errors.Join(err, closed))
	}
	return pass("what the database acknowledges it keeps, as far as its settings say")
}

func judgeRoom(free uint64, known bool) verdict {
	const hint = "free some space, or shorten what is kept (store.retention_windows, store prune --shrink)"
	switch {
	case !known:
		return skip("the system does not tell how much room is left")
	case free < minFree:
		return fail(hint, "%d MiB free, a node needs %d MiB", free>>20, minFree>>20)
	case free < scantFree:
		return warn(hint, "%d MiB free", free>>20)
	}
	return pass("%d MiB free", free>>20)
}
