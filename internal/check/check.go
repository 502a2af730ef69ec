// Package check tries what a node needs, before it is started or while it runs: the configuration and its keys, the
// chain's endpoint and contracts, the clock, the store, the ports, the peers and the other
// instances. It changes nothing. Each check ends in a
// verdict and, unless that is good, in what to do.
package check

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/remote"
	"github.com/walletnode/walletnode/internal/store"
)

// Status is how a check ended.
type Status string

// The verdicts. Skip is for what could not be tried because something else is missing or in the way.
const (
	Pass Status = "PASS"
	Warn Status = "WARN" // works, and will not always
	Fail Status = "FAIL" // a node would not start, or could not do its work
	Skip Status = "SKIP"
)

// The areas, in the order in which they are checked.
const (
	Config = "config"
	Chain  = "chain"
	Clock  = "clock"
	Store  = "store"
	Ports  = "ports"
	Peers  = "peers"

	Instances = "instances"
)

// Areas returns every area in the order in which they are checked.
func Areas() []string { return []string{Config, Chain, Clock, Store, Ports, Peers, Instances} }

// Result is one check.
type Result struct {
	Area   string
	Name   string
	Status Status
	Detail string        // what was found
	Hint   string        // what to do; empty for Pass
	Took   time.Duration // how long the check took
}

// Input is what is checked.
type Input struct {
	Config config.Config // as far as it could be read
	// Invalid is what is wrong with the configuration as a node would read it; nil if nothing is.
	Invalid error
	// Unread says that nothing of the configuration could be read, so that only Invalid can be told.
	Unread bool
	// Password returns the password of the operator's key.
	Password func() (string, error)
	// Now is this machine's clock; nil is time.Now.
	Now func() time.Time
}

// Run checks some areas and returns the results in the order of Areas. It ends early, with what it has, when ctx does.
func Run(ctx context.Context, in Input, areas ...string) []Result {
	if in.Now == nil {
		in.Now = time.Now
	}
	r := &run{Input: in, log: slog.New(slog.DiscardHandler)}
	defer r.close()
	for _, area := range Areas() {
		if !slices.Contains(areas, area) || ctx.Err() != nil {
			continue
		}
		r.area = area
		if in.Unread && area != Config {
			r.add("configuration", skip("the configuration cannot be read"))
			continue
		}
		map[string]func(context.Context){
			Config: r.config, Chain: r.chain, Clock: r.clock, Store: r.store, Ports: r.ports, Peers: r.peers, Instances: r.instances,
		}[area](ctx)
	}
	return r.results
}

// run is one run over some areas, with what one check finds out for the next.
type run struct {
	Input
	area    string
	results []Result
	log     *slog.Logger

	operator *keys.Operator // nil until it is opened
	keyErr   error

	asked    bool // the endpoint
	client   *ethereum.Client
	chainErr error // why nothing can be asked of the endpoint
	chainID  uint64
	head     chain.Header
	headAt   time.Time // when the head was read, by this machine's clock
}

func (r *run) close() {
	if r.client != nil {
		r.client.Close()
	}
}

// verdict is a result without its name and time.
type verdict struct {
	status       Status
	detail, hint string
}

func pass(format string, args ...any) verdict {
	return verdict{status: Pass, detail: fmt.Sprintf(format, args...)}
}

func warn(hint, format string, args ...any) verdict {
	return verdict{Warn, fmt.Sprintf(format, args...), hint}
}

func fail(hint, format string, args ...any) verdict {
	return verdict{Fail, fmt.Sprintf(format, args...), hint}
}

func skip(format string, args ...any) verdict {
	return verdict{status: Skip, detail: fmt.Sprintf(format, args...)}
}

// step runs one check and notes its result and time.
func (r *run) step(name string, try func() verdict) verdict {
	began := time.Now()
	v := try()
	r.results = append(r.results, Result{r.area, name, v.status, v.detail, v.hint, time.Since(began)})
	return v
}

func (r *run) add(name string, v verdict) { r.step(name, func() verdict { return v }) }

// Failed reports whether any result is Fail, or with strict any that is Warn.
func Failed(results []Result, strict bool) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return r.Status == Fail || strict && r.Status == Warn })
}

// running reports whether the configuration's node runs, and which process it is. On a database that instances share any of
// them may be the one that has it: whether this one runs, its API tells.
func (r *run) running(ctx context.Context) (process string, running bool) {
	if !r.Config.Shared() {
		process, running, err := store.Running(r.Config.StoreDSN())
		return process, running && err == nil
	}
	address := remote.Local(r.Config)
	node, err := api.NewClient(address)
	if err != nil {
		return "", false
	}
	defer node.Close()
	return "at " + address, node.Healthy(ctx) == nil
}
