package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/net/feed"
)

// Times of comparing by itself.
const (
	// peerTime is what one comparison may take: a peer that does not answer, or never ends, keeps no other one waiting longer.
	peerTime = 2 * time.Minute
	// firstRetry to lastRetry lie between comparisons while something is not confirmed: the others seal at about the same time.
	firstRetry, lastRetry = 15 * time.Second, 10 * time.Minute
)

// comparer compares what a Follower keeps with other subscribers, beside the reading.
type comparer struct {
	of     *Follower
	sealed chan struct{}  // of capacity 1: one that waits stands for all epochs since
	told   map[int]string // the newest of each peer that was told; run's goroutine owns it
}

func newComparer(f *Follower) *comparer {
	return &comparer{of: f, sealed: make(chan struct{}, 1), told: map[int]string{}}
}

// nudge says that there is one more epoch to compare.
func (c *comparer) nudge() {
	select {
	case c.sealed <- struct{}{}:
	default:
	}
}

// run compares after each epoch with all peers until ctx ends, and again while not all of it is confirmed.
func (c *comparer) run(ctx context.Context) {
	if len(c.of.cfg.Peers) == 0 {
		return
	}
	retry, wait := firstRetry, time.NewTimer(0) // what was kept before the start is compared at once
	defer wait.Stop()
	for {
		select {
		case <-c.sealed:
			retry = firstRetry
		case <-wait.C:
			retry = min(2*retry, lastRetry)
		case <-ctx.Done():
			return
		}
		wait.Stop()
		if !c.all(ctx) {
			wait.Reset(retry)
		}
	}
}

// all compares with each peer, and says whether all of them confirm all. What is verified is what every one confirms.
func (c *comparer) all(ctx context.Context) bool {
	own := c.of.Archive().unverified()
	var list []Comparison
	for i, peer := range c.of.cfg.Peers {
		if len(own.Stays) == 0 {
			return true
		}
		found := c.with(ctx, own, peer)
		if ctx.Err() != nil {
			return false
		}
		list = append(list, found)
		if text := found.summary(); c.told[i] != text { // the same news is told once
			c.told[i] = text
			c.of.cfg.report(ctx, found)
		}
	}
	agreed := Agreed(own, list)
	if err := c.of.confirm(agreed...); err != nil {
		c.of.cfg.Logger.Error("Could not keep which epochs are verified", "mailbox", own.Mailbox, "error", err)
	}
	for _, s := range own.Stays {
		last := s.Kept[len(s.Kept)-1].Epoch
		if !slices.ContainsFunc(agreed, func(a Confirmed) bool { return a.Moves == s.Moves && a.Until == last }) {
			return false
		}
	}
	return true
}

// unverified leaves the stays of which something is to be compared: of earlier ones what is not verified yet, and the present one.
func (a Archive) unverified() Archive {
	last := len(a.Stays) - 1
	var left []feed.Stay
	for i, s := range a.Stays {
		if len(s.Kept) > 0 && (i == last || len(pending(s, a.Mailbox, nil).Epochs) > 0) {
			left = append(left, s)
		}
	}
	a.Stays = left
	return a
}

// with compares with one, and keeps what is proved.
func (c *comparer) with(ctx context.Context, own Archive, peer Other) Comparison {
	limited, cancel := context.WithTimeout(ctx, peerTime)
	defer cancel()
	found := Compare(limited, own, peer, c.of.keyring())
	if err := found.keep(c.of.shelf); err != nil {
		c.of.cfg.Logger.Error("Could not keep a proof", "mailbox", own.Mailbox, "error", err)
		found.Wrong = errors.Join(found.Wrong, err)
	}
	return found
}

// keep writes the proofs down.
func (c *Comparison) keep(s shelf) error {
	tried := 0
	for _, found := range c.Findings {
		if found.Proof == nil {
			continue
		}
		if tried++; tried > maxProofs { // there is no room for more
			return nil
		}
		file, err := s.prove(*found.Proof)
		if err != nil {
			return err
		}
		if file != "" {
			c.Proofs = append(c.Proofs, file)
		}
	}
	return nil
}

// KeepProofs writes what a comparison proved into a subscriber's directory; Proofs says where.
func (c *Comparison) KeepProofs(dir string) error { return c.keep(shelf{dir}) }

// Confirm writes into a subscriber's directory what others have confirmed. Who follows with the directory learns of it at its next start.
func Confirm(dir string, news ...Confirmed) error {
	_, stays, found, err := shelf{dir}.read()
	if err != nil || !found {
		return err
	}
	return shelf{dir}.verify(stays, news...)
}

// summary is the same for the same news.
func (c Comparison) summary() string {
	return fmt.Sprint(c.Verdict(), c.Confirmed, c.Confirms, c.Earlier, len(c.Findings), len(c.Blames), c.Wrong)
}

// report logs and tells what a comparison came to.
func (cfg Config) report(ctx context.Context, c Comparison) {
	log := cfg.Logger.With("mailbox", cfg.Mailbox, "peer", c.Peer)
	if n := slices.IndexFunc(c.Findings, func(f feed.Finding) bool { return f.Elsewhere != nil && f.Elsewhere.After > 0 }); n >= 0 {
		first := c.Findings[n]
		log.Warn("A mailbox has nothing of a source any more that another one got, and goes on with others: it may come yet",
			"source", first.Origin.Source, "number", first.Origin.Number, "epoch", uint64(first.Epoch),
			"instance", first.Elsewhere.Instance, "after", first.Elsewhere.After, "until", uint64(first.Elsewhere.Epoch))
	}
	switch c.Verdict() {
	case Agree:
		log.Debug("Another subscriber got the same", "epochs", c.Epochs, "items", c.Items, "until", uint64(c.Confirmed))
	case Blamed:
		log.Error("Another subscriber got something else, and it is proved who is to blame", "findings", len(c.Findings), "proofs", c.Proofs)
	case Unclear:
		log.Warn("Could not tell whether another subscriber got the same", "findings", len(c.Findings), "error", c.Wrong)
	}
	if cfg.Compared != nil {
		cfg.Compared(ctx, c)
	}
}
