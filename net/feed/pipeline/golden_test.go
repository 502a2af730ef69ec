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

// What two subscribers kept of one epoch, of which an outbox withheld a record from one: also for the commands that read exports.
func TestKeptExportsOfTwoSubscribersStillProveWhoWithheldARecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := map[string]string{"a": "../testdata/robbed.export", "b": "../testdata/whole.export"}
		if *update {
			i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) {
				f.TwistOutbox(0, once(func(r []feed.Record) []feed.Record { return r[1:] }))
			})
			i.subscribe(both...)
			i.at(window)
			i.submit(12)
			i.at(2 * window)
			for mailbox, file := range files {
				require.NoError(t, os.WriteFile(filepath.FromSlash(file), i.read(mailbox, 1, plenty).Export().Encode(), 0o600))
			}
			i.close()
		}
		var exports [2]feed.Export
		for n, mailbox := range []string{"a", "b"} {
			raw, err := os.ReadFile(filepath.FromSlash(files[mailbox]))
			require.NoError(t, err)
			exports[n], err = feed.DecodeExport(raw)
			require.NoError(t, err, "if its form has changed, run go test ./net/feed/pipeline -run KeptExports -update")
		}
		_, keys := signer(t)
		found, _, err := feed.Compare(t.Context(), exports[0], exports[1], keys)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, feed.Lacks, found[0].Proof.Fault)
		require.Equal(t, feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}, found[0].Proof.Accused)
		require.NoError(t, found[0].Proof.Verify(keys))
	})
}
