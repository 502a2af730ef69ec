package mailbox

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/walletnode/walletnode/net/client"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// Instances are an operator's; *client.Client leads to them.
type Instances interface {
	feedclient.Instances
	// Directory returns the list of instances that the operator has signed; an error of one that is alone.
	Directory(ctx context.Context) (client.Directory, error)
	// Instance asks one of the list alone.
	Instance(ctx context.Context, id string, r client.Request) (*http.Response, error)
}

// list tells which instances there are. One that is alone has no list of instances, but one of keys.
func (r *Readers) list(ctx context.Context) (names []string, alone bool, err error) {
	d, err := r.cfg.Instances.Directory(ctx)
	if err == nil {
		for _, e := range d.Instances {
			names = append(names, e.ID)
		}
		return names, false, nil
	}
	if said, ok := errors.AsType[*client.AnswerError](err); !ok || said.Status != http.StatusConflict {
		return nil, false, err
	}
	keys, wrong := feedclient.FetchKeys(ctx, r.cfg.Instances, r.cfg.Operator)
	if wrong != nil {
		return nil, false, errors.Join(err, wrong)
	}
	for _, i := range keys.Instances {
		names = append(names, i.ID)
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), true, nil
}

// way leads to one instance, and to no other one in its place. It implements feedclient.Instances.
type way struct {
	instances Instances
	instance  string
	alone     bool // there is no list that says where it is
}

// Located implements feedclient.Instances.
func (w way) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	if w.alone {
		return w.instances.Located(ctx, r)
	}
	return w.instances.Instance(ctx, w.instance, r)
}
