package check

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/remote"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// instanceTimeout bounds what one instance is asked. An onion service takes its time.
const instanceTimeout = 30 * time.Second

// instances asks each of the operator's instances that the configuration names, and compares what they say.
func (r *run) instances(ctx context.Context) {
	urls := slices.Clone(r.Config.Cluster.Bootstrap)
	own := map[string]bool{}
	for _, u := range r.Config.Cluster.URLs {
		own[u] = true
		if !slices.Contains(urls, u) {
			urls = append(urls, u)
		}
	}
	if len(urls) == 0 {
		r.add("bootstrap", r.unnamed())
		return
	}
	how, err := remote.From(r.Config)
	if err != nil {
		r.add("bootstrap", fail(Advice(err), "%v", err))
		return
	}
	_, running := r.running(ctx)
	var newest *view.Instances
	for _, u := range urls {
		r.step(u, func() verdict {
			seen, err := lookAtInstance(ctx, how, u, r.Now)
			switch {
			case err == nil:
				newest = &seen.list
				return judgeInstance(seen)
			case own[u] && !running && errors.Is(err, api.ErrUnreachable):
				return skip("it is this instance's own, which does not run")
			}
			return fail(Advice(err), "%v", err)
		})
	}
	if newest != nil {
		r.add("versions", judgeVersions(newest.Instances))
		r.add("urls", judgeURLs(newest.Instances))
	}
}

// unnamed judges a configuration that names no instances.
func (r *run) unnamed() verdict {
	if !r.Config.Shared() {
		return skip("one instance, on a database of its own")
	}
	return warn("set cluster.bootstrap to URLs of some instances, and cluster.urls of each to its own: commands then survive an instance's death",
		"no instance is named, so that commands reach the one of this machine alone")
}

// instanceSeen is what one instance answers.
type instanceSeen struct {
	directory client.Directory
	list      view.Instances
	ahead     time.Duration // this machine's clock before the instance's, to the second
}

func lookAtInstance(ctx context.Context, how client.Config, url string, now func() time.Time) (seen instanceSeen, err error) {
	ctx, cancel := context.WithTimeout(ctx, instanceTimeout)
	defer cancel()
	how.Bootstrap, how.Timeout = []string{url}, instanceTimeout
	c, err := client.New(how)
	if err != nil {
		return seen, err
	}
	node := api.NewRemote(c)
	defer node.Close()
	if seen.list, err = node.Instances(ctx); err != nil {
		return seen, err
	}
	if !seen.list.Shared {
		return seen, view.ErrOneInstance
	}
	seen.directory, err = c.Directory(ctx)
	seen.ahead = now().Sub(seen.directory.Issued) // it was issued for this answer
	return seen, err
}

func judgeInstance(s instanceSeen) verdict {
	if v := judgeDifference(s.ahead, "the instance's clock"); v.status != Pass {
		return v
	}
	if s.list.Stale {
		return warn("look at the database: the instance has not heard of it", "instance %s answers, and what it knows is %v old", s.list.Self, rough(time.Duration(s.list.AgeMS)*time.Millisecond))
	}
	return pass("instance %s answers; its list of %d is signed by operator %v", s.list.Self, len(s.directory.Instances), s.directory.Operator)
}

// judgeVersions judges what the living instances run.
func judgeVersions(list []view.Instance) verdict {
	versions := map[string]int{}
	for _, i := range list {
		if i.State != view.InstanceDead {
			versions[i.Version]++
		}
	}
	if len(versions) > 1 {
		return warn("finish the upgrade: two versions work side by side for the time of one", "the instances run %s", strings.Join(slices.Sorted(maps.Keys(versions)), ", "))
	}
	return pass("all living instances run the same")
}

// judgeURLs judges whether clients find every living instance.
func judgeURLs(list []view.Instance) verdict {
	var lost []string
	for _, i := range list {
		if i.State != view.InstanceDead && len(i.URLs) == 0 {
			lost = append(lost, i.ID)
		}
	}
	if len(lost) > 0 {
		return warn("set cluster.urls of each (start --cluster-url): a client that is sent to one of them cannot go there", "instances without a URL: %s", strings.Join(lost, ", "))
	}
	return pass("every living instance says where it is reached")
}
