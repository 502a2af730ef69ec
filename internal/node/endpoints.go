package node

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// Endpoints is a chain that many endpoints show; a quorum.Pool is one. A node whose Chain is none has one endpoint.
type Endpoints interface {
	Snapshot() *quorum.Snapshot
	// History returns how an endpoint's status changed, oldest first; false if there is no such endpoint.
	History(name string) ([]quorum.Change, bool)
	// Cordon takes an endpoint out of use until Uncordon; quorum.ErrUnknownEndpoint if there is none of that name,
	// quorum.ErrNeeded if the others do not suffice.
	Cordon(name string) error
	Uncordon(name string) error
	// Reload makes members the endpoints. An error means that nothing changed; quorum.ErrMembers if they are to blame.
	Reload(ctx context.Context, members []quorum.Member) error
}

// Endpoints shows the chain's endpoints; view.ErrOneEndpoint if there is one alone.
func (n *Node) Endpoints() (view.Endpoints, error) {
	if n.chain.endpoints == nil {
		return view.Endpoints{}, view.ErrOneEndpoint
	}
	shown := view.NewEndpoints(n.chain.endpoints.Snapshot())
	if n.sharing.lists.opinions != nil {
		for i, e := range shown.Endpoints {
			shown.Endpoints[i].Siblings = n.sharing.lists.opinions.of(e.Name, n.sharing.sibling)
		}
	}
	return shown, nil
}

// EndpointHistory shows how an endpoint's status changed; store.ErrNotFound if there is no such endpoint.
func (n *Node) EndpointHistory(name string) (view.EndpointHistory, error) {
	if n.chain.endpoints == nil {
		return view.EndpointHistory{}, view.ErrOneEndpoint
	}
	changes, ok := n.chain.endpoints.History(name)
	if !ok {
		return view.EndpointHistory{}, fmt.Errorf("%w: endpoint %q", store.ErrNotFound, name)
	}
	return view.NewEndpointHistory(name, changes), nil
}

// Cordon takes an endpoint out of use, or lets it back, until the process ends. store.ErrNotFound if there is no such
// endpoint, quorum.ErrNeeded if the others do not suffice.
func (n *Node) Cordon(name string, cordoned bool) error {
	if _, err := n.EndpointHistory(name); err != nil {
		return err
	}
	if cordoned {
		return n.chain.endpoints.Cordon(name)
	}
	return n.chain.endpoints.Uncordon(name)
}

// ReloadEndpoints takes over the chain endpoints of a checked configuration and nothing else of it. An error means that
// nothing changed; view.ErrConfiguration if the configuration is to blame, view.ErrOneEndpoint if the node has one
// endpoint alone.
func (n *Node) ReloadEndpoints(ctx context.Context, c config.Config) error {
	if n.chain.endpoints == nil {
		return view.ErrOneEndpoint
	}
	members, err := Members(c, n.cfg.Logger("chain"))
	if err != nil {
		return fmt.Errorf("%w: %w", view.ErrConfiguration, err)
	}
	err = n.chain.endpoints.Reload(ctx, members)
	if errors.Is(err, quorum.ErrMembers) {
		return fmt.Errorf("%w: %w", view.ErrConfiguration, err)
	}
	return err
}

// checkEndpoints says whether the chain's endpoints agree, and why some are not used. One endpoint alone has nobody to
// disagree with.
func (f *followed) checkEndpoints() view.Check {
	c := view.Check{Name: "chain_endpoints", OK: true, Current: view.OneEndpoint, Required: view.OneEndpoint}
	if f.endpoints == nil {
		return c
	}
	s := f.endpoints.Snapshot()
	c.OK = s.Quorum
	c.Current = fmt.Sprintf("%s: %d of %d vote groups agree", s.Mode, s.Votes, s.Groups)
	c.Required = fmt.Sprintf("%d of %d vote groups agree", s.Needed, s.Groups)
	bad := unused(s.Endpoints)
	if bad != "" {
		c.Current += "; not used: " + bad
	}
	if !c.OK {
		c.Reason = "the chain endpoints do not agree on a head: the node neither leads nor accuses"
		if bad != "" {
			c.Reason += "; not used: " + bad
		}
	}
	return c
}

// unused names the endpoints that are not healthy, each with why. A configuration has seventeen at most.
func unused(endpoints []quorum.EndpointState) string {
	var bad []string
	for _, e := range endpoints {
		if e.Status == quorum.Healthy {
			continue
		}
		why := string(e.Reason)
		if e.Detail != "" {
			why += ", " + e.Detail
		}
		bad = append(bad, fmt.Sprintf("%s (%s: %s)", e.Name, e.Status, why))
	}
	return strings.Join(bad, ", ")
}
