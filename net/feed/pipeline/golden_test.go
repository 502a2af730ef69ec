package pipeline_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var update = flag.Bool("update", false, "write the exports in net/feed/testdata instead of reading them")

// What two subscribers kept of one epoch, in which an outbox treated one of them differently: also for the commands that read exports.
func TestKeptExportsOfTwoSubscribersStillProveWhoWithheldARecord(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string // by mailbox
		wrong func([]feed.Record) []feed.Record
		fault feed.Fault
	}{
		"withheld": {map[string]string{"a": "robbed", "b": "whole"}, wrongs["drops"], feed.Lacks},
		"repeated": {map[string]string{"a": "repeated", "b": "once"}, wrongs["repeats"], feed.Disorders},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := func(mailbox string) string { return filepath.Join("..", "testdata", c.files[mailbox]+".export") }
				if *update {
					i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) { f.TwistOutbox(0, once(c.wrong)) })
					i.subscribe(both...)
					i.at(window)
					i.submit(12)
					i.at(2 * window)
					for mailbox := range c.files {
						require.NoError(t, os.WriteFile(file(mailbox), i.read(mailbox, 1, plenty).Export().Encode(), 0o600))
					}
					i.close()
				}
				var exports [2]feed.Export
				for n, mailbox := range []string{"a", "b"} {
					raw, err := os.ReadFile(file(mailbox))
					require.NoError(t, err)
					exports[n], err = feed.DecodeExport(raw)
					require.NoError(t, err, "if its form has changed, run go test ./net/feed/pipeline -run KeptExports -update")
				}
				_, keys := signer(t)
				found, _, err := feed.Compare(t.Context(), exports[0], exports[1], keys)
				require.NoError(t, err)
				require.Len(t, found, 1)
				require.Equal(t, c.fault, found[0].Proof.Fault)
				require.Equal(t, feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}, found[0].Proof.Accused)
				require.NoError(t, found[0].Proof.Verify(keys))
			})
		})
	}
}

// What subscribers of two instances kept of one epoch, in which one's inbox took an origin's items in another order: also for the commands.
func TestKeptExportsOfTwoInstancesStillProveWhoReorderedAnOriginsItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		file := map[string]string{"alpha": filepath.Join("..", "testdata", "straight.export"), "beta": filepath.Join("..", "testdata", "reordered.export")}
		if *update {
			p.start(t.Context(), "alpha", nil)
			p.start(t.Context(), "beta", func(f *pipeline.Feed) { f.TwistEntrance(once(wrongs["swaps"])) })
			mailboxes := map[string]string{"alpha": "a", "beta": "b"}
			for name, mailbox := range mailboxes {
				_, err := p.feeds[name].Subscribe(t.Context(), []feed.Subscription{{Mailbox: mailbox}})
				require.NoError(t, err)
			}
			p.height(window, "alpha", "beta")
			p.tell("alpha", 6)
			p.take(t.Context(), "alpha", "beta")
			p.height(2*window, "alpha", "beta")
			for name, mailbox := range mailboxes {
				x, _ := p.got(t.Context(), name, mailbox, 1)
				require.NoError(t, os.WriteFile(file[name], x.Encode(), 0o600))
			}
			p.close()
		}
		exports := map[string]feed.Export{}
		for name := range file {
			raw, err := os.ReadFile(file[name])
			require.NoError(t, err)
			exports[name], err = feed.DecodeExport(raw)
			require.NoError(t, err, "if its form has changed, run go test ./net/feed/pipeline -run KeptExports -update")
		}
		c, err := feed.Across(t.Context(), exports["alpha"], []feed.Export{exports["beta"]}, p.keys)
		require.NoError(t, err)
		require.Len(t, c.Findings, 1)
		proof := c.Findings[0].Proof
		require.Equal(t, feed.Reorders, proof.Fault)
		require.Equal(t, feed.Actor{Instance: "beta", Stage: feed.Inbox}, proof.Accused)
		require.Equal(t, feed.Origin{Source: "alpha", Number: 1}, c.Findings[0].Origin)
		require.NoError(t, proof.Verify(p.keys))
	})
}
