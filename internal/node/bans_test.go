package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
)

// whistle is a referee over records of a test, and the bans that it set.
func whistle(records *[]faults.Record, set *[]shared.Ban) *referee {
	return &referee{
		cfg: AutomaticBans{On: true, Score: 2, Windows: 2, Lasts: time.Hour}, self: chain.Operator{9},
		height: func() chain.Height { return 2750 },
		faults: func(_ context.Context, f faults.Filter) (found []faults.Record, err error) {
			for _, r := range *records {
				if f.Match(r.Fault) {
					found = append(found, r)
				}
			}
			return found, nil
		},
		banned: func(chain.Operator) bool { return false },
		ban: func(_ context.Context, b shared.Ban, lasts time.Duration) error {
			if lasts != time.Hour {
				return errors.New("another time")
			}
			*set = append(*set, b)
			return nil
		},
		log: slog.New(slog.DiscardHandler), woken: make(chan struct{}, 1),
	}
}

func offence(culprit byte, window chain.Height, attributed bool) faults.Record {
	return faults.Record{Fault: faults.Fault{
		Key:        faults.Key{Culprit: chain.Operator{culprit}, Kind: faults.LeaderMistake, Wallet: chain.WalletID{1}, Window: window},
		Attributed: attributed,
	}}
}

func TestWhoHasNewFaultsAndTooManyIsBanned(t *testing.T) {
	records, set := []faults.Record{offence(1, 1800, true), offence(1, 2700, true), offence(9, 1800, true)}, []shared.Ban(nil)
	r := whistle(&records, &set)
	require.NoError(t, r.review(t.Context()))
	require.Empty(t, set, "what was there before has been judged before: a ban that was lifted stays so")
	require.NoError(t, r.review(t.Context()))
	require.Empty(t, set)

	records = append(records, offence(2, 900, true), offence(2, 2700, true), offence(3, 2700, false), offence(3, 1800, true), offence(9, 2700, true))
	require.NoError(t, r.review(t.Context()))
	require.Empty(t, set, "one is too long ago, one accuses nobody, and nobody bans himself")

	records = append(records, offence(1, 2701, true), offence(2, 1800, true))
	require.NoError(t, r.review(t.Context()))
	require.ElementsMatch(t, []shared.Ban{
		{Operator: chain.Operator{1}, Reason: "3 attributed faults within 2 windows", By: "score"},
		{Operator: chain.Operator{2}, Reason: "2 attributed faults within 2 windows", By: "score"},
	}, set)

	set = nil
	require.NoError(t, r.review(t.Context()))
	require.Empty(t, set)
	records = append(records, offence(1, 2702, true))
	r.banned = func(op chain.Operator) bool { return op == chain.Operator{1} }
	require.NoError(t, r.review(t.Context()))
	require.Empty(t, set, "another instance was faster")
}

func TestScoresAreLookedAtWhenFaultsWereStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []faults.Record
		var set []shared.Ban
		r := whistle(&records, &set)
		looks := make(chan struct{}, 100)
		read := r.faults
		r.faults = func(ctx context.Context, f faults.Filter) ([]faults.Record, error) {
			looks <- struct{}{}
			return read(ctx, f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(time.Minute)
		require.Empty(t, looks)
		for range 50 {
			require.NoError(t, r.look(ctx))
			time.Sleep(reviewPause / 50)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NotEmpty(t, looks)
		require.Less(t, len(looks), 5, "however many faults are stored")
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestABanRunsOutByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		op, away := chain.Operator{1}, error(nil)
		var enforced [][]shared.Ban
		b := &bans{
			read: func(context.Context) ([]shared.Ban, error) {
				return []shared.Ban{{Operator: op, Until: time.Now().Add(time.Minute)}, {Peer: "peer"}}, away
			},
			enforce: func(list []shared.Ban) { enforced = append(enforced, list) },
		}
		require.NoError(t, b.reread(t.Context()))
		require.True(t, b.banned(op))
		require.False(t, b.banned(chain.Operator{}), "a peer's ban is no operator's")
		away = errors.New("away")
		require.Error(t, b.reread(t.Context()))
		require.Len(t, enforced, 1)
		require.True(t, b.banned(op), "what is known holds")
		time.Sleep(time.Minute)
		require.False(t, b.banned(op))
	})
}

func TestWhatSiblingsThinkOfAnEndpointIsShown(t *testing.T) {
	list, away := []shared.Verdict{
		{Instance: "a", Endpoint: "primary", Status: "healthy"},
		{Instance: "b", Endpoint: "primary", Status: "unhealthy", Detail: "lag: 3 blocks behind", At: time.Unix(1_800_000_000, 0)},
		{Instance: "dead", Endpoint: "primary", Status: "healthy"},
		{Instance: "b", Endpoint: "other", Status: "healthy"},
	}, error(nil)
	o := &opinions{read: func(context.Context) ([]shared.Verdict, error) { return list, away }}
	sibling := func(instance string) bool { return instance == "b" }
	require.Empty(t, o.of("primary", sibling))
	require.NoError(t, o.reread(t.Context()))
	want := []view.Opinion{{Instance: "b", Status: "unhealthy", Detail: "lag: 3 blocks behind", Since: "2027-01-15T08:00:00Z"}}
	require.Equal(t, want, o.of("primary", sibling))
	away = errors.New("away")
	require.Error(t, o.reread(t.Context()))
	require.Equal(t, want, o.of("primary", sibling), "what is known is still told")
}

func TestVerdictsAreToldWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := &quorum.Snapshot{Endpoints: []quorum.EndpointState{{Name: "primary", Status: quorum.Healthy, Since: time.Now()}}}
		told := make(chan []shared.Verdict, 100)
		snapshots := make(chan *quorum.Snapshot, 1)
		v := &verdicts{
			instance: "a", timeout: time.Second, log: slog.New(slog.DiscardHandler),
			snapshot: func() *quorum.Snapshot {
				select {
				case pool = <-snapshots:
				default:
				}
				return pool
			},
			set: func(_ context.Context, instance string, list []shared.Verdict) error {
				if instance != "a" {
					return errors.New("whose?")
				}
				told <- list
				return nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- v.Run(ctx) }()
		require.Equal(t, string(quorum.Healthy), (<-told)[0].Status)
		time.Sleep(10 * verdictPause)
		synctest.Wait()
		require.Empty(t, told)
		snapshots <- &quorum.Snapshot{Endpoints: []quorum.EndpointState{{Name: "primary", Status: quorum.Unhealthy, Reason: "lag", Detail: "3 blocks behind"}}}
		now := (<-told)[0]
		require.Equal(t, []string{"primary", string(quorum.Unhealthy), "lag: 3 blocks behind"}, []string{now.Endpoint, now.Status, now.Detail})
		cancel()
		require.NoError(t, <-ended)
	})
}
