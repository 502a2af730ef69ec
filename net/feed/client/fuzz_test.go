package client

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// seeds are lines as an instance sends them.
func seeds(t testing.TB) [][]byte {
	s, err := feed.NewSigner("alpha", instanceKey("alpha"))
	require.NoError(t, err)
	subs, err := feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: "a"}})
	require.NoError(t, err)
	payload := []byte("message")
	e := feed.Entry{Mailbox: "a", Number: 1, Record: feed.Record{Seq: 1, Epoch: 1, Item: feed.NewItem("node", 1, wallet(1), feed.KindResult, payload)}}
	told := []feed.Item{e.Record.Item, feed.NewItem("node", 2, wallet(2), feed.KindResult, payload)}
	gap := feed.Entry{Mailbox: "a", Number: 2, Previous: e.Hash(), Gap: &feed.Gap{Outbox: s.Actor(feed.Outbox, 0), Epoch: 1, First: 2, Unread: 1}}
	gap.SignGap(s)
	seal := feed.Seal{Actor: s.Actor(feed.Sequencer, 0), Epoch: 1, First: 1, Count: 2, Version: 1, Subscriptions: subs.Hash()}
	seal.Sign(s)
	var list [][]byte
	for _, l := range []Line{
		{Begin: &Begin{Mailbox: "a", Instance: "alpha", Number: 3, Acknowledged: 2}},
		LineOf(pipeline.News{Delivered: &pipeline.Delivered{Entry: e, Payload: payload}}),
		LineOf(pipeline.News{Delivered: &pipeline.Delivered{Entry: e, Payload: payload, Witness: feed.Witnesses(told, s.SignItems(told))[0]}}),
		LineOf(pipeline.News{Delivered: &pipeline.Delivered{Entry: gap}}),
		LineOf(pipeline.News{Seal: &seal, Subscriptions: subs}),
		{End: &End{Code: EndMoved, Message: "to beta"}},
	} {
		raw, err := json.Marshal(l)
		require.NoError(t, err)
		list = append(list, raw)
	}
	return list
}

func TestLinesComeAsTheyWereSent(t *testing.T) {
	for _, raw := range seeds(t) {
		l, n, err := ParseLine(raw)
		require.NoError(t, err)
		if l.Begin == nil && l.End == nil {
			l = LineOf(n)
		}
		again, err := json.Marshal(l)
		require.NoError(t, err)
		require.Equal(t, string(raw), string(again))
	}
	for _, wrong := range []string{
		"", "{}", "[]", `{"payload":"AA=="}`, `{"subscriptions":"AA=="}`, `{"seal":"AA=="}`, `{"entry":"AA==","seal":"AA==","subscriptions":"AA=="}`,
		`{"begin":{},"end":{}}`, `{"entry":"AA=="}`, `{"witness":"AA=="}`,
	} {
		_, _, err := ParseLine([]byte(wrong))
		require.ErrorIs(t, err, feed.ErrMalformed, wrong)
	}
}

func FuzzLine(f *testing.F) {
	for _, raw := range seeds(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, n, err := ParseLine(raw)
		if err != nil {
			require.ErrorIs(t, err, feed.ErrMalformed)
			return
		}
		if l.Begin != nil || l.End != nil {
			return
		}
		again, err := json.Marshal(LineOf(n))
		require.NoError(t, err)
		_, back, err := ParseLine(again)
		require.NoError(t, err)
		require.Equal(t, n, back)
	})
}

func testKeys(t testing.TB) Keys {
	k, err := NewKeys(feed.Keyring{
		"alpha": feed.Keys(instanceKey("alpha").Public().(ed25519.PublicKey)),
		"beta":  {{Public: instanceKey("beta").Public().(ed25519.PublicKey), Until: &feed.Until{Epoch: 5, Number: feed.SeriesLength}}},
	}, 3, time.Unix(1_800_000_000, 5), operatorKey(t))
	require.NoError(t, err)
	return k
}

func TestAListOfKeysIsItsOperatorsOrRefused(t *testing.T) {
	k := testKeys(t)
	raw, err := json.Marshal(k)
	require.NoError(t, err)
	back, err := DecodeKeys(raw)
	require.NoError(t, err)
	require.Equal(t, k.Ring(), back.Ring())
	require.Len(t, back.Ring(), 2)
	require.Contains(t, k.Text(), "walletnode-feed-keys-2\n")
	require.Contains(t, k.Text(), "\nversion 3\n")
	require.Contains(t, k.Text(), " until epoch 5 number 16777216\n")
	replaced := testKeys(t).Ring() // its machine was, and it goes on under its name
	replaced["alpha"] = append(replaced["alpha"], feed.Key{Public: instanceKey("another").Public().(ed25519.PublicKey)})
	k, err = NewKeys(replaced, 1, time.Unix(1_800_000_000, 0), operatorKey(t))
	require.NoError(t, err)
	require.NoError(t, k.Verify())
	require.Len(t, k.Instances, 3)
	require.ElementsMatch(t, replaced["alpha"], k.Ring()["alpha"])
	for name, change := range map[string]func(*Keys){
		"another key":       func(k *Keys) { k.Instances[0].Key = k.Instances[1].Key },
		"another name":      func(k *Keys) { k.Instances[0].ID = "gamma" },
		"a name that is no": func(k *Keys) { k.Instances[0].ID = "a b" },
		"one twice":         func(k *Keys) { k.Instances = append(k.Instances, k.Instances[0]) },
		"one less":          func(k *Keys) { k.Instances = k.Instances[:1] },
		"another operator":  func(k *Keys) { k.Operator[0]++ },
		"another time":      func(k *Keys) { k.Issued = k.Issued.Add(time.Second) },
		"another version":   func(k *Keys) { k.Version++ },
		"no version":        func(k *Keys) { k.Version = 0 },
		"another epoch":     func(k *Keys) { k.Instances[1].Until.Epoch++ },
		"another number":    func(k *Keys) { k.Instances[1].Until.Number++ },
		"good again":        func(k *Keys) { k.Instances[1].Until = nil },
		"no signature":      func(k *Keys) { k.Signature = nil },
		"a short key":       func(k *Keys) { k.Instances[0].Key = k.Instances[0].Key[1:] },
		"too many":          func(k *Keys) { k.Instances = make([]InstanceKey, MaxListed+1) },
	} {
		changed := testKeys(t)
		change(&changed)
		require.ErrorIs(t, changed.Verify(), ErrKeys, name)
	}
	_, err = NewKeys(testKeys(t).Ring(), 0, time.Unix(1_800_000_000, 0), operatorKey(t))
	require.ErrorIs(t, err, ErrKeys, "a list without a version has no replaced keys")
	before, err := NewKeys(feed.Keyring{"alpha": feed.Keys(instanceKey("alpha").Public().(ed25519.PublicKey))}, 0, time.Unix(1_800_000_000, 0), operatorKey(t))
	require.NoError(t, err)
	require.NoError(t, before.Verify())
	require.Contains(t, before.Text(), "walletnode-feed-keys-1\noperator", "as programs of before make it")
	_, err = DecodeKeys(make([]byte, MaxKeys+1))
	require.ErrorIs(t, err, ErrKeys)
}

func FuzzKeys(f *testing.F) {
	raw, err := json.Marshal(testKeys(f))
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`{"operator":"0x0000000000000000000000000000000000000000","instances":[{"id":"a","key":"00"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := DecodeKeys(raw)
		if err != nil {
			require.True(t, errors.Is(err, ErrKeys))
			return
		}
		require.NoError(t, k.Verify())
	})
}
