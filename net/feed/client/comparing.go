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

// compareAlways compares after each epoch with all peers until ctx ends, and again while not all of it is confirmed.
func (f *Follower) compareAlways(ctx context.Context) {
	if len(f.cfg.Peers) == 0 {
		return
	}
	told := map[int]string{}
	retry, wait := firstRetry, time.NewTimer(0) // what was kept before the start is compared at once
	defer wait.Stop()
	for {
		select {
		case <-f.sealed:
			retry = firstRetry
		case <-wait.C:
			retry = min(2*retry, lastRetry)
		case <-ctx.Done():
			return
		}
		wait.Stop()
		if !f.compareAll(ctx, told) {
			wait.Reset(retry)
		}
	}
}

// compareAll compares with each peer, and says whether all of them confirm all. What is verified is what every one confirms.
func (f *Follower) compareAll(ctx context.Context, told map[int]string) (all bool) {
	own := f.Archive().unverified()
	var list []Comparison
	for i, peer := range f.cfg.Peers {
		if len(own.Stays) == 0 {
			return true
		}
		c := f.compareWith(ctx, own, peer)
		if ctx.Err() != nil {
			return false
		}
		list = append(list, c)
		if text := c.summary(); told[i] != text { // the same news is told once
			told[i] = text
			f.report(ctx, c)
		}
	}
	agreed := Agreed(own, list)
	if err := f.confirm(agreed...); err != nil {
		f.cfg.Logger.Error("Could not keep which epochs are verified", "mailbox", own.Mailbox, "error", err)
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

// compareWith compares with one, and keeps what is proved.
func (f *Follower) compareWith(ctx context.Context, own Archive, peer Other) Comparison {
	limited, cancel := context.WithTimeout(ctx, peerTime)
	defer cancel()
	c := Compare(limited, own, peer, f.keyring())
	if err := c.keep(f.shelf); err != nil {
		f.cfg.Logger.Error("Could not keep a proof", "mailbox", own.Mailbox, "error", err)
		c.Wrong = errors.Join(c.Wrong, err)
	}
	return c
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

func (f *Follower) report(ctx context.Context, c Comparison) {
	log := f.cfg.Logger.With("mailbox", f.cfg.Mailbox, "peer", c.Peer)
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
	if f.cfg.Compared != nil {
		f.cfg.Compared(ctx, c)
	}
}
