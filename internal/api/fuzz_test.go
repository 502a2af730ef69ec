package api

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
)

// Whatever a query is, it is refused or means what the client would write for it.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "limit=1&from=900&to=1800&wallet=0x2ec0a64a29a2a7dddc067bd326cd30b0e90b9e83", "reason=ok&reason=noop", "finished=true",
		"kind=leader_idle&culprit=0xcc7bBa720c89402711Da14dc23B6911771F84185&attributed=false", "limit=1001&x=%zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		roundTrip(t, values, (*query).windows, encodeWindows)
		roundTrip(t, values, (*query).faults, encodeFaults)
		roundTrip(t, values, (*query).actions, encodeActions)
	})
}

func roundTrip[T any](t *testing.T, values url.Values, read func(*query) T, encode func(T) url.Values) {
	t.Helper()
	q := &query{values: values}
	filter := read(q)
	if q.done() != nil {
		return
	}
	again := &query{values: encode(filter)}
	require.Equal(t, filter, read(again))
	require.NoError(t, again.done())
	require.LessOrEqual(t, q.limit(), MaxRows)
	require.Positive(t, q.limit())
}

// A node's answer, or what pretends to be one, never makes a client panic.
func FuzzClientDecodesAnswers(f *testing.F) {
	f.Add([]byte(`{"windows":[{"state":"open","window":900,"wallet":null}],"more":true}`))
	f.Add([]byte(`{"error":{"code":"not_found","message":"no"}}`))
	f.Add([]byte(`{"mode":"quorum","agreed":{"block":1},"endpoints":[{"name":"a","roles":["read"],"height":null,"p50_seconds":0.1}]}`))
	f.Add([]byte(`{"wallets":[{"proposal":{"a":1},"statements":null}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, doc := range []any{
			&view.Windows{}, &view.Trace{}, &view.Proposals{}, &view.Faults{}, &view.Scores{}, &view.Actions{}, &view.Wallets{}, &view.Status{},
			&view.Readiness{}, &view.Next{}, &view.Election{}, &view.Peers{}, &view.Pong{}, &view.Event{}, &LogLevels{},
			&view.Endpoints{}, &view.EndpointHistory{}, &view.Reload{}, &view.Instances{}, &view.Owner{}, &view.Bans{}, &view.Halts{}, &view.Wish{},
		} {
			if decodeAnswer(raw, doc) == nil {
				_, err := marshal(doc)
				require.NoError(t, err)
			}
		}
		require.Error(t, decodeProblem(http.StatusNotFound, raw))
	})
}

func FuzzLogLevel(f *testing.F) {
	f.Add([]byte(`{"subsystem":"net","level":"debug"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		wish, err := decodeBody[LogLevel](raw)
		if err != nil {
			return
		}
		again, err := marshal(wish)
		require.NoError(t, err)
		have, err := decodeBody[LogLevel](again)
		require.NoError(t, err)
		require.Equal(t, wish, have)
	})
}

// Whatever a wish for a ban is, it is refused or has one subject, a bounded reason and a bounded time.
func FuzzBanWish(f *testing.F) {
	f.Add([]byte(`{"operator":"0xcc7bBa720c89402711Da14dc23B6911771F84185","peer":"","reason":"floods","seconds":60}`))
	f.Add([]byte(`{"operator":"","peer":"12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo","reason":"","seconds":0}`))
	f.Add([]byte(`{"operator":"","peer":"","reason":"","seconds":-1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		wish, err := decodeBody[BanWish](raw)
		if err != nil {
			return
		}
		ban, lasts, err := wish.ban()
		if err != nil {
			return
		}
		require.NotEqual(t, ban.Operator.IsZero(), ban.Peer == "")
		require.LessOrEqual(t, len(ban.Reason), shared.MaxText)
		require.GreaterOrEqual(t, lasts, time.Duration(0))
		again, err := subject(ban.Subject())
		require.NoError(t, err)
		require.Equal(t, ban.Subject(), again.Subject())
	})
}
