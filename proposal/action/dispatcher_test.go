package action_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

var _ coordination.Dispatcher = (*action.Dispatcher)(nil)

func TestR9OutcomesAreReasonCodes(t *testing.T) {
	for _, outcome := range action.Outcomes() {
		_, err := coordination.ParseReason(string(outcome))
		require.NoError(t, err)
	}
}

func TestIncompleteHandlerTableIsRefused(t *testing.T) {
	complete := action.Config{
		Log: &fakeLog{}, Clock: chain.NewClock(chain.Freshness{MaxSilence: time.Hour}, 0),
		Validator: validatorFunc(nil), Handlers: action.WithoutSigners(), Logger: slog.New(slog.DiscardHandler),
		Custody: &custody{},
	}
	_, err := action.New(complete)
	require.NoError(t, err)
	for _, k := range proposal.Kinds() {
		gap := complete
		gap.Handlers = maps.Clone(complete.Handlers)
		delete(gap.Handlers, k)
		_, err := action.New(gap)
		if k == proposal.KindNoop {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, k.String())
		}
	}
	for _, spoil := range []func(*action.Config){
		func(c *action.Config) { c.Log = nil },
		func(c *action.Config) { c.Clock = nil },
		func(c *action.Config) { c.Validator = nil },
		func(c *action.Config) { c.Custody = nil },
		func(c *action.Config) { c.Logger = nil },
	} {
		gap := complete
		spoil(&gap)
		_, err := action.New(gap)
		require.ErrorContains(t, err, "missing")
	}
}

func TestR7ActionWaitsForTheWindowsEndAndEndsWithoutASigner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 980)
		asked := 0
		s.validate = func(context.Context, chain.WalletID) proposal.Verdict {
			asked++
			return proposal.Verdict{Outcome: proposal.Valid}
		}
		s.run()
		o := order(1, 1)
		s.dispatch(o)
		s.at(999)
		require.False(t, s.log.begun(o))
		require.Zero(t, asked)
		s.at(1003) // 1000 is skipped
		require.Equal(t, 1, asked)
		require.Equal(t, action.NoSigner, s.log.outcome(o))
		require.EqualValues(t, 1003, s.log.started[key{o.Wallet, o.Window}])
		require.EqualValues(t, 1003, s.log.finished[key{o.Wallet, o.Window}].at)
		s.end()
	})
}

func TestR7EveryKindEndsWithoutASigner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 990)
		s.run()
		for i, p := range []proposal.Proposal{
			proposal.Heartbeat{}, proposal.DepositSweep{}, proposal.Redemption{}, proposal.MovingFunds{}, proposal.MovedFundsSweep{},
		} {
			o := order(byte(i), 1)
			o.Proposal, o.Expiry = p, o.Start+p.Kind().ValidityBlocks()
			s.dispatch(o)
			s.at(1000)
			moving := p.Kind() == proposal.KindMovingFunds
			require.Equal(t, !moving, s.log.outcome(o) == action.NoSigner)
			s.at(1032) // the commitment of moving funds is final 32 blocks later
			require.Equal(t, action.NoSigner, s.log.outcome(o))
			s.at(990)
		}
		s.end()
	})
}

func TestR7SecondActionOfABusyWalletIsNeverCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		handled := make(map[chain.Height]int)
		release := make(chan struct{})
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(_ context.Context, o proposal.Order) (action.Outcome, string) {
			handled[o.Window]++
			<-release
			return action.OK, ""
		})
		s.run()
		first, second, third := order(1, 1), order(1, 2), order(1, 3)
		s.dispatch(first)
		require.True(t, s.log.begun(first))
		s.dispatch(second)
		require.Equal(t, action.WalletBusy, s.log.outcome(second))
		require.Contains(t, s.log.detail(second), "window 900")

		close(release)
		s.at(1900)
		require.Equal(t, action.OK, s.log.outcome(first))
		s.dispatch(second) // it was in the log and on its way at once, and comes again now that the wallet is free
		require.Equal(t, map[chain.Height]int{900: 1}, handled, "the second stays undone though the wallet is free")
		s.dispatch(third)
		s.at(2800)
		require.Equal(t, action.OK, s.log.outcome(third))
		s.end()
	})
}

func TestR7OneWalletNeverDelaysAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(ctx context.Context, o proposal.Order) (action.Outcome, string) {
			if o.Wallet == order(1, 1).Wallet {
				<-ctx.Done()
				return "", ""
			}
			return action.OK, ""
		})
		s.validate = func(ctx context.Context, wallet chain.WalletID) proposal.Verdict {
			if wallet == order(2, 1).Wallet {
				<-ctx.Done()
			}
			return proposal.Verdict{Outcome: proposal.Valid}
		}
		s.run()
		for n := byte(1); n <= 50; n++ {
			s.dispatcher.Dispatch(order(n, 1))
		}
		synctest.Wait()
		for n := byte(3); n <= 50; n++ {
			require.Equal(t, action.OK, s.log.outcome(order(n, 1)))
		}
		require.Empty(t, s.log.outcome(order(1, 1)))
		require.Empty(t, s.log.outcome(order(2, 1)))
		s.at(1300)
		require.Equal(t, action.Expired, s.log.outcome(order(1, 1)))
		require.Equal(t, action.Expired, s.log.outcome(order(2, 1)))
		s.end()
	})
}

func TestR7PendingActionsAreTakenUpAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 0)
		expired, due, waiting, revoked := order(1, 1), order(1, 2), order(2, 2), order(3, 2)
		waiting.Start += 50
		s.log.pending = []proposal.Order{expired, due, waiting, revoked}
		s.log.revoked[key{revoked.Wallet, revoked.Window}] = true
		s.run()
		s.dispatch(due) // also dispatched, as happens when it was recorded while the node started
		require.Empty(t, s.log.finished, "no height is known yet")
		s.at(1910)
		require.Equal(t, action.Expired, s.log.outcome(expired))
		require.Equal(t, action.NoSigner, s.log.outcome(due), "an expired action does not keep the wallet busy")
		require.Equal(t, action.Revoked, s.log.outcome(revoked))
		require.False(t, s.log.begun(revoked))
		require.Empty(t, s.log.outcome(waiting))
		s.at(1950)
		require.Equal(t, action.NoSigner, s.log.outcome(waiting))
		s.end()
	})
}

func TestR7WhatIsDispatchedBeforeRunIsCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		o := order(1, 1)
		s.run()
		s.end()
		s.dispatcher.Dispatch(o)
		ctx, stop := context.WithCancel(t.Context())
		s.stop = stop
		go func() { s.ran <- s.dispatcher.Run(ctx) }()
		synctest.Wait()
		require.Equal(t, action.NoSigner, s.log.outcome(o))
		s.end()
	})
}

func TestRunFailsIfTheLogCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.log.fail("PendingActions", true)
		s.run()
		require.ErrorIs(t, <-s.ran, errBroken)
		s.stop()
	})
}

func TestShutdownLeavesActionsPending(t *testing.T) {
	for name, height := range map[string]chain.Height{"before any head": 0, "before the start": 990, "in the handler": 1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, height)
				s.handlers[proposal.KindHeartbeat] = untilEnd
				s.run()
				o := order(1, 1)
				s.dispatch(o)
				require.Equal(t, height == 1000, s.log.begun(o))
				s.end()
				require.Empty(t, s.log.finished)
			})
		})
	}
}

func TestR3RevocationStopsAnActionBeforeAndWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 990)
		s.handlers[proposal.KindHeartbeat] = untilEnd
		s.run()
		before, during, other := order(1, 1), order(2, 1), order(3, 1)
		for _, o := range []proposal.Order{before, during, other} {
			s.dispatch(o)
		}
		s.revoke(order(3, 2)) // another window of that wallet
		s.revoke(order(9, 1)) // no action at all
		s.revoke(before)
		require.Equal(t, action.Revoked, s.log.outcome(before))
		require.False(t, s.log.begun(before))
		s.at(1000)
		require.True(t, s.log.begun(during))
		s.revoke(during)
		require.Equal(t, action.Revoked, s.log.outcome(during))
		require.Empty(t, s.log.outcome(other))
		s.end()
	})
}

func TestR3RevocationInTheLogAloneStopsAnAction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 990)
		s.run()
		o := order(1, 1)
		s.dispatch(o)
		s.log.revoked[key{o.Wallet, o.Window}] = true
		s.at(1000)
		require.Equal(t, action.Revoked, s.log.outcome(o))
		require.False(t, s.log.begun(o))
		s.end()
	})
}

func TestSection7SigningEndsThreeHundredBlocksBeforeExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		taken, moved chain.Height
		want         action.Outcome
	}{
		"last block":             {1299, 1299, ""},
		"deadline passes":        {1299, 1300, action.Expired},
		"taken up at deadline":   {1300, 1300, action.Expired},
		"head jumps beyond it":   {990, 5000, action.Expired},
		"waits for window's end": {990, 990, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, c.taken)
				s.handlers[proposal.KindHeartbeat] = untilEnd
				s.run()
				s.dispatch(order(1, 1))
				s.at(c.moved)
				require.Equal(t, c.want, s.log.outcome(order(1, 1)))
				require.Equal(t, c.taken == 1299, s.log.begun(order(1, 1)))
				s.end()
			})
		})
	}
}

func TestSection8PanickingHandlerIsThatActionsFailureAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(_ context.Context, o proposal.Order) (action.Outcome, string) {
			if o == order(1, 1) {
				panic("index out of range " + strings.Repeat("é", 1000))
			}
			return action.OK, ""
		})
		s.run()
		s.dispatcher.Dispatch(order(1, 1))
		s.dispatcher.Dispatch(order(2, 1))
		synctest.Wait()
		require.Equal(t, action.HandlerFailed, s.log.outcome(order(1, 1)))
		detail := s.log.detail(order(1, 1))
		require.Contains(t, detail, "panic: index out of range")
		require.LessOrEqual(t, len(detail), 500)
		require.Equal(t, detail, strings.ToValidUTF8(detail, "?"))
		require.Equal(t, action.OK, s.log.outcome(order(2, 1)))
		s.dispatch(order(1, 2)) // the wallet is free again
		s.at(1900)
		require.Equal(t, action.OK, s.log.outcome(order(1, 2)))
		s.end()
	})
}

func TestHandlerThatEndsWithoutAnOutcomeHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(context.Context, proposal.Order) (action.Outcome, string) { return "", "" })
		s.run()
		s.dispatch(order(1, 1))
		require.Equal(t, action.HandlerFailed, s.log.outcome(order(1, 1)))
		s.end()
	})
}

func TestR5ActionsAreValidatedAgain(t *testing.T) {
	failed := proposal.Verdict{Outcome: proposal.Failed, Reason: "endpoint is gone"}
	refused := proposal.Verdict{Outcome: proposal.Refused, Reason: "Not a pending redemption request"}
	unverifiable := proposal.Verdict{Outcome: proposal.Unverifiable, Reason: "needs a bitcoin source"}
	valid := proposal.Verdict{Outcome: proposal.Valid}
	for name, c := range map[string]struct {
		verdicts []proposal.Verdict // at 1000, 1001, ...; the last one stays
		until    chain.Height
		want     action.Outcome
		detail   string
	}{
		"refused once is enough":      {[]proposal.Verdict{refused}, 1000, action.Invalidated, refused.Reason},
		"unverifiable":                {[]proposal.Verdict{unverifiable}, 1000, action.Unverifiable, unverifiable.Reason},
		"failed twice, then valid":    {[]proposal.Verdict{failed, failed, valid}, 1002, action.NoSigner, ""},
		"failed once, then refused":   {[]proposal.Verdict{failed, refused}, 1001, action.Invalidated, refused.Reason},
		"still failing, time is left": {[]proposal.Verdict{failed}, 1299, "", ""},
		"failing to the end":          {[]proposal.Verdict{failed}, 1300, action.ValidationError, failed.Reason},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 1000)
				s.validate = func(context.Context, chain.WalletID) proposal.Verdict {
					i := int(s.clock.Height() - 1000)
					return c.verdicts[min(i, len(c.verdicts)-1)]
				}
				s.run()
				s.dispatch(order(1, 1))
				for h := chain.Height(1001); h <= c.until; h++ {
					s.at(h)
				}
				require.Equal(t, c.want, s.log.outcome(order(1, 1)))
				require.Equal(t, c.detail, s.log.detail(order(1, 1)))
				s.end()
			})
		})
	}
}

// A verdict that the end of the action's time cut short is none.
func TestR5AVerdictCutShortIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.validate = func(ctx context.Context, _ chain.WalletID) proposal.Verdict {
			<-ctx.Done()
			return proposal.Verdict{Outcome: proposal.Refused, Reason: "context canceled"}
		}
		s.run()
		s.dispatch(order(1, 1))
		s.at(1300)
		require.Equal(t, action.Expired, s.log.outcome(order(1, 1)))
		s.end()
	})
}

func TestNothingRecordedIsLostWhileTheLogFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.log.fail("FinishAction", true)
		s.run()
		s.dispatch(order(1, 1))
		s.dispatch(order(1, 2)) // busy: the first has no outcome yet
		time.Sleep(time.Hour)   // of the bubble: attempts go on, half a minute apart
		require.Empty(t, s.log.finished)
		s.log.fail("FinishAction", false)
		time.Sleep(30 * time.Second)
		require.Equal(t, action.NoSigner, s.log.outcome(order(1, 1)))
		require.Equal(t, action.WalletBusy, s.log.outcome(order(1, 2)))
		s.end()
	})
}

func TestNothingIsDoneBeforeItsStartIsWrittenDown(t *testing.T) {
	for _, method := range []string{"StartAction", "ActionRevoked"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, 1000)
				s.log.fail(method, true)
				s.run()
				s.dispatch(order(1, 1))
				s.dispatch(order(2, 1))
				time.Sleep(time.Minute)
				require.Empty(t, s.log.finished)
				s.revoke(order(2, 1))
				require.Equal(t, action.Revoked, s.log.outcome(order(2, 1)))
				s.at(1300)
				require.Equal(t, action.StoreFailed, s.log.outcome(order(1, 1)))
				require.Contains(t, s.log.detail(order(1, 1)), errBroken.Error())
				s.end()
			})
		})
	}
}

func TestOutcomeReachedAtShutdownIsStillWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(ctx context.Context, _ proposal.Order) (action.Outcome, string) {
			<-ctx.Done()
			return action.OK, "" // the signature was complete
		})
		s.run()
		s.dispatch(order(1, 1))
		s.end()
		require.Equal(t, action.OK, s.log.outcome(order(1, 1)))
	})
}

func TestOnlyAnActionThatFailedThroughNoOnesWishIsWorthALine(t *testing.T) {
	warned := []action.Outcome{
		action.SignerUnavailable, action.SignerRefused, action.Expired, action.ValidationError, action.HandlerFailed, action.StoreFailed,
	}
	for _, outcome := range action.Outcomes() {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, 1000)
			s.handlers[proposal.KindHeartbeat] = handlerFunc(func(context.Context, proposal.Order) (action.Outcome, string) { return outcome, "why" })
			s.run()
			s.dispatch(order(1, 1))
			s.end()
			require.Equal(t, outcome, s.log.outcome(order(1, 1)))
			if !slices.Contains(warned, outcome) {
				require.Empty(t, s.lines.String(), "the window's line is the only one")
				return
			}
			require.Contains(t, s.lines.String(), "level=WARN msg=\"Action ended\" wallet="+order(1, 1).Wallet.String()+" window=900 action=Heartbeat outcome="+string(outcome)+" detail=why\n")
		})
	}
}

func TestWhoObservesIsToldEachOutcomeAndHowLongTheActionTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(context.Context, proposal.Order) (action.Outcome, string) {
			time.Sleep(7 * time.Second) // virtual: the signature
			return action.OK, ""
		})
		s.run()
		first, second, late := order(1, 1), order(1, 2), order(2, 1)
		second.Start, second.Expiry = first.Start, first.Expiry
		late.Expiry = 1000
		s.dispatch(first)
		s.dispatch(second) // the wallet is busy
		s.dispatch(late)
		time.Sleep(8 * time.Second)
		s.end()
		require.ElementsMatch(t, []action.Ended{
			{Order: first, Outcome: action.OK, Begun: true, Took: 7 * time.Second},
			{Order: second, Outcome: action.WalletBusy},
			{Order: late, Outcome: action.Expired},
		}, s.ended)
	})
}

func TestAnActionThatIsPendingAgainIsCarriedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		handled := 0
		s.handlers[proposal.KindHeartbeat] = handlerFunc(func(context.Context, proposal.Order) (action.Outcome, string) {
			if handled++; handled == 1 {
				return action.SignerUnavailable, "connection refused"
			}
			return action.OK, ""
		})
		s.run()
		o := order(1, 1)
		s.dispatch(o)
		require.Equal(t, action.SignerUnavailable, s.log.outcome(o))
		s.dispatch(o)
		require.Equal(t, 1, handled, "an order that comes twice is not carried out twice")

		delete(s.log.finished, key{o.Wallet, o.Window}) // as the log does it
		s.dispatcher.Retry(o)
		s.dispatcher.Retry(o)
		synctest.Wait()
		require.Equal(t, action.OK, s.log.outcome(o))
		require.Equal(t, 2, handled, "the second wish finds the outcome")

		late := order(2, 1)
		s.dispatch(late)
		s.at(late.SigningEnd())
		delete(s.log.finished, key{late.Wallet, late.Window})
		s.dispatcher.Retry(late)
		synctest.Wait()
		require.Equal(t, action.Expired, s.log.outcome(late))

		next := order(1, 2)
		s.at(next.Start)
		s.dispatch(next)
		require.Equal(t, action.OK, s.log.outcome(next))
		s.end()
	})
}

func TestAnActionOfAnEarlierRunIsCarriedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, 1000)
		s.run()
		o := order(1, 1)
		s.dispatcher.Retry(o)
		synctest.Wait()
		require.Equal(t, action.NoSigner, s.log.outcome(o))
		theirs := order(2, 1)
		s.custody.set(theirs.Wallet, false)
		s.dispatcher.Retry(theirs)
		synctest.Wait()
		require.Empty(t, s.log.outcome(theirs))
		s.end()
	})
}
