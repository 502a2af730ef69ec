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
