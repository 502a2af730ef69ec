package exchange

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// want is a proof to be fetched from who told of it.
type want struct {
	id string
	by chain.Operator
}

const (
	// maxWanted proofs wait to be fetched. One that is dropped is told again after the next window.
	maxWanted = 256
	// maxWantedOf is how many proofs of one operator's news wait to be fetched: a quarter of all that may.
	maxWantedOf = maxWanted / 4
	// maxFetched bounds the memory of what need not be fetched again.
	maxFetched = 4096
)

// wants are the proofs that others told of and that are to be fetched, and what came of those that were. Who hears news adds to them, the loop
// that fetches takes from them; the mutex is for their counts and what came of them, and is held for no longer than a look.
type wants struct {
	waiting chan want // at the bound what is new is dropped, and told again after the next window

	mu sync.Mutex             // guards what follows
	of map[chain.Operator]int // how many of those that wait each operator told of
	// fetched holds by proof ID what is kept here in its place, the ID of another proof of the same misdeed, or nothing if it was refused: it
	// is not fetched again. At most maxFetched.
	fetched    map[string]string
	remembered int // since fetched was empty
}

func newWants() *wants {
	return &wants{waiting: make(chan want, maxWanted), of: map[chain.Operator]int{}, fetched: map[string]string{}}
}

// add has a proof fetched, unless it is known to be of no use. What an operator tells beyond its part is dropped: it is told again.
func (w *wants) add(id string, by chain.Operator) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, done := w.fetched[id]; done || w.of[by] >= maxWantedOf {
		return
	}
	select {
	case w.waiting <- want{id, by}:
		w.of[by]++
	default:
	}
}

// next waits for a proof to be fetched; false if ctx has ended.
func (w *wants) next(ctx context.Context) (want, bool) {
	select {
	case next := <-w.waiting:
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.of[next.by]--; w.of[next.by] == 0 {
			delete(w.of, next.by)
		}
		return next, true
	case <-ctx.Done():
		return want{}, false
	}
}

// remember notes what is kept here in a proof's place: nothing if it is of no use.
func (w *wants) remember(id, kept string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.remembered++; w.remembered > maxFetched {
		clear(w.fetched)
		w.remembered = 1
	}
	w.fetched[id] = kept
}

// kept returns under which ID a proof is kept here if it is: its own, for all that is known, or what was remembered.
func (w *wants) kept(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if other, known := w.fetched[id]; known {
		return other
	}
	return id
}
