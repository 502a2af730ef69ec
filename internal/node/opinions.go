package node

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
)

// opinions is what all instances think of the chain's endpoints, as the shared list says.
type opinions struct {
	read func(context.Context) ([]shared.Verdict, error)

	mu   sync.Mutex
	list []shared.Verdict
}

// reread takes the shared list over.
func (o *opinions) reread(ctx context.Context) error {
	list, err := o.read(ctx)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = list
	return nil
}

// of returns what instances think of an endpoint; counts says whose opinion counts.
func (o *opinions) of(endpoint string, counts func(instance string) bool) []view.Opinion {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := []view.Opinion{}
	for _, v := range o.list {
		if v.Endpoint == endpoint && counts(v.Instance) {
			found = append(found, view.Opinion{Instance: v.Instance, Status: v.Status, Detail: v.Detail, Since: view.Time(v.At)})
		}
	}
	return found
}

// sibling reports whether there is another instance of that name, which lived when the database was read last: what a dead
// one thought of an endpoint is over.
func (s *sharing) sibling(instance string) bool {
	held, _ := s.siblings.keeper.Holdings()
	for _, m := range held.View.Members {
		if string(m.Instance) == instance {
			return m.Live() && m.Instance != s.siblings.cfg.Instance
		}
	}
	return false
}
