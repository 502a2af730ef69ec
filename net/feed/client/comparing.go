package client

import (
	"context"
	"errors"
	"fmt"
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
	own := f.Archive()
	newest, ok := own.chapter("")
	if !ok {
		return true
	}
	last := newest.Kept[len(newest.Kept)-1].Epoch
	until, agreed := last, true
	for i, peer := range f.cfg.Peers {
		c := f.compareWith(ctx, own, peer)
		if ctx.Err() != nil {
			return false
		}
		until, agreed = min(until, c.Confirmed), agreed && c.Confirms
		if text := c.summary(); told[i] != text { // the same news is told once
			told[i] = text
			f.report(ctx, c)
		}
	}
	if agreed {
		if err := f.Verified(newest.Instance, until); err != nil {
			f.cfg.Logger.Error("Could not keep which epochs are verified", "mailbox", own.Mailbox, "error", err)
		}
	}
	return agreed && until == last
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

// Confirm writes into a subscriber's directory that the epochs of an instance up to one are verified. Who follows with the directory
// learns of it at its next start.
func Confirm(dir, instance string, until feed.Epoch) error {
	return shelf{dir}.verify(instance, until+1)
}

// summary is the same for the same news.
func (c Comparison) summary() string {
	return fmt.Sprint(c.Verdict(), c.Confirmed, c.Confirms, len(c.Findings), len(c.Blames), c.Wrong)
}

func (f *Follower) report(ctx context.Context, c Comparison) {
	log := f.cfg.Logger.With("mailbox", f.cfg.Mailbox, "peer", c.Peer)
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
