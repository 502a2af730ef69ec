package executor

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// cutOff has a node restart in window 900, once it has said or heard something, with a database that does not answer before
// the active phase is over.
func cutOff(t *testing.T, leads bool, test func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, leads)
		s.openOnTime()
		if !leads {
			s.leaderSays(redemption(1))
		}
		s.pass(905)
		s.kill()
		s.restart()
		s.journal.hangs = 1
		s.run(970, 900, false)
		s.pass(979)
		require.Empty(t, s.got)
		test(t, s)
	})
}

// The active phase ends while what was written down is still being read.
func TestR2WhatWasWrittenDownCountsThoughItIsReadTooLate(t *testing.T) {
	for name, leads := range map[string]bool{"as leader": true, "as follower": false} {
		t.Run(name, func(t *testing.T) {
			cutOff(t, leads, func(t *testing.T, s *stage) {
				r := s.result()
				want := coordination.ReasonOK
				if leads {
					want = coordination.ReasonNoop
				}
				require.Equal(t, want, r.Reason, r.Detail)
				require.NotNil(t, r.Proposal)
				require.EqualValues(t, 900, r.ReceivedAt)
				require.Empty(t, r.Faults)
				require.Empty(t, s.amendments())
			})
		})
	}
}

func TestAStoreThatStaysAwayIsNobodysFault(t *testing.T) {
	for name, leads := range map[string]bool{"as leader": true, "as follower": false} {
		t.Run(name, func(t *testing.T) {
			cutOff(t, leads, func(t *testing.T, s *stage) {
				s.journal.fail(errDisk)
				r := s.result()
				require.Equal(t, coordination.ReasonStoreFailed, r.Reason)
				require.Equal(t, errDisk.Error(), r.Detail)
				require.Empty(t, r.Faults)
				require.Empty(t, s.amendments())
			})
		})
	}
}

func TestALastTryThatIsAnotherInstancesEndsQuietly(t *testing.T) {
	cutOff(t, false, func(t *testing.T, s *stage) {
		s.journal.fail(fmt.Errorf("fenced: %w", chain.ErrNotServed))
		s.pass(980)
		<-s.done
		require.Empty(t, s.got)
	})
}

func TestALastTryEndsWithTheContext(t *testing.T) {
	cutOff(t, false, func(t *testing.T, s *stage) {
		s.journal.hangs = 1
		s.pass(980)
		s.kill()
		require.Empty(t, s.got)
	})
}

// A database that takes a request and never answers is waited for until the window is long over, and no longer.
func TestALastTryIsBounded(t *testing.T) {
	cutOff(t, false, func(t *testing.T, s *stage) {
		s.journal.hangs = 1
		s.pass(1099)
		require.Empty(t, s.got)
		s.pass(1100)
		require.Len(t, s.got, 1)
		r, ok := s.got[0].(coordination.Result)
		require.True(t, ok)
		require.Equal(t, coordination.ReasonStoreFailed, r.Reason)
		require.Empty(t, s.amendments())
	})
}

// A leader that had nothing written down has said nothing, whatever is known by then.
func TestALeaderThatNeverCameToSpeakSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		hinder func(s *stage)
		reason coordination.Reason
		detail string
	}{
		"its store answered too late": {
			func(s *stage) { s.journal.hangs = 1 },
			coordination.ReasonStoreFailed, "what was said before could not be read in the active phase",
		},
		"its proposal was ready too late": {
			func(s *stage) { s.generator.during = func() { s.chain.Show(980) } },
			coordination.ReasonChainStalled, "the proposal was not ready when the active phase ended",
		},
		"its store took the proposal too late": {
			func(s *stage) { s.journal.saving = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } },
			coordination.ReasonStoreFailed, "the proposal was not written down when the active phase ended",
		},
	} {
		t.Run(name, func(t *testing.T) {
			asLeader(t, func(t *testing.T, s *stage) {
				c.hinder(s)
				s.openOnTime()
				r := s.result()
				require.Equal(t, c.reason, r.Reason)
				require.Equal(t, c.detail, r.Detail)
				require.Empty(t, s.channel.published)
				require.Empty(t, r.Faults)
			})
		})
	}
}

// What was said before a restart stays said, though the disk is full by now.
func TestALeaderThatCannotSayItAgainHasSaidIt(t *testing.T) {
	asLeader(t, func(t *testing.T, s *stage) {
		s.openOnTime()
		s.pass(905)
		s.kill()
		s.restart()
		s.journal.saving = func(context.Context) error { return errDisk }
		s.run(906, 900, false)
		r := s.result()
		require.Equal(t, coordination.ReasonNoop, r.Reason)
		require.Empty(t, r.Detail)
		require.Empty(t, s.channel.published)
	})
}
