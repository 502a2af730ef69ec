package mailbox

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// kept is what a Follower keeps, for others to compare with.
type kept struct {
	*feedclient.Follower
	desk http.Handler
}

// ServeHTTP answers other signers who compare: with what is kept of the mailbox.
func (r *Reader) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if k := r.kept.Load(); k != nil {
		k.desk.ServeHTTP(w, q)
		return
	}
	http.Error(w, "the mailbox was not opened yet", http.StatusNotFound)
}

// sibling is the signer's mailbox at another instance, to compare with, by the instance's name: one that is followed no more is not held in
// memory by those that came after it. It implements feedclient.Other.
type sibling struct {
	all      *Readers
	instance string
}

// Name implements feedclient.Other.
func (s sibling) Name() string { return feed.Resident(s.all.cfg.Mailbox, s.instance) }

func (s sibling) archive() feedclient.Archive {
	for _, r := range s.all.readers() {
		if k := r.kept.Load(); r.cfg.Instance == s.instance && k != nil {
			return k.Archive()
		}
	}
	return feedclient.Archive{Mailbox: s.Name()}
}

// Trail implements feedclient.Other.
func (s sibling) Trail(ctx context.Context, q feedclient.Question) (feed.Trail, error) {
	return s.archive().Trail(ctx, q)
}

// Epoch implements feedclient.Other.
func (s sibling) Epoch(ctx context.Context, instance string, e feed.Epoch) (feed.Export, error) {
	return s.archive().Epoch(ctx, instance, e)
}

// compared keeps what a comparison came to. It is told and kept, and stops nothing: what was signed had come through this mailbox, and who
// of the two was lied to is for people to say.
func (r *Reader) compared(_ context.Context, c feedclient.Comparison) {
	r.findings.add(c)
}

// findings are what comparisons came to.
type findings struct {
	mu      sync.Mutex
	proofs  map[string]bool   // files; bounded where they are written
	differs map[string]string // what is not the same, by the peers, of which there are few
}

func (f *findings) add(c feedclient.Comparison) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.proofs == nil {
		f.proofs, f.differs = map[string]bool{}, map[string]string{}
	}
	for _, file := range c.Proofs {
		f.proofs[file] = true
	}
	delete(f.differs, c.Peer)
	for _, found := range c.Findings {
		if found.Elsewhere != nil { // nobody can be blamed for it, or its proof is told of besides
			f.differs[c.Peer] = difference(found)
			return
		}
	}
}

// difference says where two instances told the signer different things.
func difference(f feed.Finding) string {
	what := "has another one"
	switch after := f.Elsewhere.After; {
	case after > 0:
		what = fmt.Sprintf("has nothing of that source after item %d up to epoch %d, and got of others what was told since; it may come yet",
			after, f.Elsewhere.Epoch)
	case f.Elsewhere.Lacks:
		what = "has none"
	case f.Elsewhere.Strays:
		what = "has it out of its order, or more than once"
	}
	return fmt.Sprintf("item %d of source %s, of wallet %v and epoch %d: mailbox %s at instance %s %s",
		f.Origin.Number, f.Origin.Source, f.Wallet, f.Epoch, f.Elsewhere.Mailbox, f.Elsewhere.Instance, what)
}

// told returns how many proofs there are, and what differs.
func (f *findings) told() (proofs int, differs []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, peer := range slices.Sorted(maps.Keys(f.differs)) {
		differs = append(differs, f.differs[peer])
	}
	return len(f.proofs), differs
}

// summary tells how mailboxes fare: together they are followed if one of them is. The detail says what is wrong with each. Those that are
// quiet are not spoken of unless they are followed, or there is no other one.
func summary(readers []*Reader, quiet func(*Reader) bool) (h signer.FeedHealth) {
	h.State = signer.FeedAway
	var said, differs []string
	for _, r := range readers {
		its, why := r.state()
		switch its {
		case signer.FeedFollows:
			h.State = signer.FeedFollows
		case signer.FeedFalse:
			h.Doubted++
			if h.State == signer.FeedAway {
				h.State = signer.FeedFalse
			}
		}
		if its == signer.FeedFalse || its == signer.FeedAway && (quiet == nil || !quiet(r)) {
			if r.cfg.Instance != "" {
				why = fmt.Sprintf("at instance %s: %s: %s", r.cfg.Instance, its, why)
			}
			said = append(said, why)
		}
		proofs, unlike := r.findings.told()
		if h.Proofs += proofs; proofs > 0 {
			said = append(said, fmt.Sprintf("it is proved that mailbox %s and another one were told different things: "+
				"walletnode feed verify reads what is in %s", r.cfg.Mailbox, filepath.Join(r.cfg.Dir, feedclient.ProofsDir)))
		}
		differs = append(differs, unlike...)
	}
	h.Doubted += len(differs)
	h.Detail = strings.Join(append(said, differs...), "; ")
	return h
}
