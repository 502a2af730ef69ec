package action_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

func TestR7PendingActionsOfWalletsServedElsewhereAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		ours, theirs, expired := order(1, 1), order(2, 1), order(3, 1)
		expired.Expiry = expired.Start
		s.log.pending = []proposal.Order{ours, theirs, expired}
		s.custody.set(theirs.Wallet, false)
		s.custody.set(expired.Wallet, false)
		s.run()
		require.Equal(t, action.NoSigner, s.log.outcome(ours))
		require.False(t, s.log.begun(theirs))
		require.Empty(t, s.log.outcome(theirs))
		require.Empty(t, s.log.outcome(expired), "also to say that it is expired is another's business")
		s.dispatch(theirs)
		require.False(t, s.log.begun(theirs), "its result was stored when the wallet was ours")

		s.log.pending = []proposal.Order{theirs, expired}
		s.custody.set(theirs.Wallet, true)
		synctest.Wait()
		require.Equal(t, action.NoSigner, s.log.outcome(theirs))
		require.Empty(t, s.log.outcome(expired))
		s.end()
	})
}

// stopsFirst has heartbeats handled by who is stopped the first time and succeeds from then on. It returns how often each happened.
func (s *stage) stopsFirst() (handled, stopped *int) {
	handled, stopped = new(int), new(int)
	s.handlers[proposal.KindHeartbeat] = handlerFunc(func(ctx context.Context, _ proposal.Order) (action.Outcome, string) {
		if *handled++; *handled > 1 {
			return action.OK, ""
		}
		<-ctx.Done()
		*stopped++
		return "", ""
	})
	return handled, stopped
}

func TestR7AnActionOfAWalletThatIsLetGoIsBegunAgainOnceWhenItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		handled, stopped := s.stopsFirst()
		s.run()
		o, other := order(1, 1), order(2, 2)
		s.dispatch(o)
		s.log.pending = []proposal.Order{o}
		s.custody.set(other.Wallet, false)
		synctest.Wait()
		require.Zero(t, *stopped, "another wallet's change is none of its own")
		s.custody.set(o.Wallet, false)
		synctest.Wait()
		require.Equal(t, 1, *stopped)
		require.Empty(t, s.log.finished, "it stays pending")
		s.custody.set(o.Wallet, true)
		synctest.Wait()
		require.Equal(t, action.OK, s.log.outcome(o))
		s.log.pending = nil
		s.custody.set(other.Wallet, true)
		synctest.Wait()
		require.Equal(t, 2, *handled)
		s.end()
	})
}

// Another instance may have had the wallet between two terms that follow each other at once, as seen from here.
func TestR7AnActionIsNotCarriedOnUnderAnotherTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		handled, stopped := s.stopsFirst()
		s.run()
		o := order(1, 1)
		s.dispatch(o)
		s.log.pending = []proposal.Order{o}
		s.custody.set(o.Wallet, true) // a term follows a term
		synctest.Wait()
		require.Equal(t, 1, *stopped)
		require.Equal(t, 2, *handled, "it is begun again")
		require.Equal(t, action.OK, s.log.outcome(o))
		s.end()
	})
}

// The handler takes its time to stop; the wallet is not busy with an action that is not its own any more.
func TestR7AnActionThatComesBackWaitsForItsFormerSelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		handled, slow := 0, make(chan struct{})
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(ctx context.Context, _ proposal.Order) (action.Outcome, string) {
			if handled++; handled > 1 {
				return action.OK, ""
			}
			<-ctx.Done()
			<-slow
			return "", ""
		})
		s.run()
		o := order(1, 1)
		s.dispatch(o)
		s.log.pending = []proposal.Order{o}
		s.custody.set(o.Wallet, false)
		synctest.Wait()
		s.custody.set(o.Wallet, true)
		synctest.Wait()
		require.Equal(t, 1, handled, "one at a time")
		require.Empty(t, s.log.finished)
		close(slow)
		synctest.Wait()
		require.Equal(t, 2, handled)
		require.Equal(t, action.OK, s.log.outcome(o))
		s.end()
	})
}

// A log that cannot be read when wallets change hands must not keep an action going that is another's.
func TestAnActionIsLetGoWhileTheLogCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		running := 0
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(ctx context.Context, _ proposal.Order) (action.Outcome, string) {
			running++
			<-ctx.Done()
			running--
			return "", ""
		})
		s.run()
		one, two := order(1, 1), order(2, 1)
		s.dispatch(one)
		s.dispatch(two)
		s.log.fail("PendingActions", true)
		s.custody.set(one.Wallet, false)
		synctest.Wait()
		require.Equal(t, 1, running)
		s.custody.set(two.Wallet, false)
		synctest.Wait()
		require.Zero(t, running)
		s.log.pending = []proposal.Order{one, two}
		s.custody.set(one.Wallet, true)
		s.log.fail("PendingActions", false)
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		require.Equal(t, 1, running, "it is read again by itself")
		s.end()
	})
}

// fenced is a log that knows sooner than the dispatcher that the wallet is another's.
type fenced struct {
	*fakeLog
	refuses bool
}

func (l *fenced) refusal() error {
	if l.refuses {
		return fmt.Errorf("fenced: %w", chain.ErrNotServed)
	}
	return nil
}

func (l *fenced) StartAction(ctx context.Context, wallet chain.WalletID, window, at chain.Height) error {
	if err := l.refusal(); err != nil {
		return err
	}
	return l.fakeLog.StartAction(ctx, wallet, window, at)
}

func (l *fenced) FinishAction(ctx context.Context, wallet chain.WalletID, window chain.Height, outcome action.Outcome, detail string, at chain.Height) error {
	if err := l.refusal(); err != nil {
		return err
	}
	return l.fakeLog.FinishAction(ctx, wallet, window, outcome, detail, at)
}

func TestAnActionThatTheLogRefusesBecauseItIsAnothersEndsQuietly(t *testing.T) {
	for name, refused := range map[string]string{"at its start": "start", "at its end": "end"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 1000)
				log := &fenced{fakeLog: s.log, refuses: refused == "start"}
				s.handlers[proposal.KindHeartbeat] = handlerFunc(func(context.Context, proposal.Order) (action.Outcome, string) {
					log.refuses = true
					return action.OK, ""
				})
				s.runOn(log)
				o := order(1, 1)
				s.dispatch(o)
				s.custody.set(o.Wallet, false)
				synctest.Wait()
				require.Empty(t, s.log.finished)
				require.Equal(t, refused == "end", s.log.begun(o))
				log.refuses = false
				s.end()
				require.Empty(t, s.log.finished)
				require.Empty(t, s.lines.String(), "nothing is wrong")
			})
		})
	}
}

// What was read as pending another instance has finished meanwhile.
func TestR7AnActionThatIsFinishedAlreadyEndsQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		handled := 0
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(context.Context, proposal.Order) (action.Outcome, string) {
			handled++
			return action.OK, ""
		})
		done, next := order(1, 1), order(1, 2)
		theirs := ended{action.SignerRefused, "theirs", 1001}
		s.log.finished[key{done.Wallet, done.Window}] = theirs
		s.log.pending = []proposal.Order{done}
		s.run()
		require.Zero(t, handled)
		s.at(next.Start)
		s.dispatch(next)
		require.Equal(t, 1, handled, "the wallet is free")
		require.Equal(t, action.OK, s.log.outcome(next))
		s.end()
		require.Equal(t, theirs, s.log.finished[key{done.Wallet, done.Window}])
		require.Empty(t, s.ended[:len(s.ended)-1], "nobody is told of what ended elsewhere")
		require.Empty(t, s.lines.String(), "nothing is wrong")
	})
}

func TestR7WhatTheLogHoldsIsReadAgainOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.run()
		o := order(1, 1)
		s.log.pending = []proposal.Order{o} // stored, and nobody was told
		synctest.Wait()
		require.False(t, s.log.begun(o))
		s.dispatcher.Reread()
		s.dispatcher.Reread()
		synctest.Wait()
		require.Equal(t, action.NoSigner, s.log.outcome(o))
		s.end()
	})
}
