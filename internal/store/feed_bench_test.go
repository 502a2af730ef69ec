package store

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// BenchmarkFeed is records of 300 bytes that are accepted and put into two mailboxes: two transactions for so many records, each on the disk
// when it returns.
func BenchmarkFeed(b *testing.B) {
	for _, size := range []int{1, 32, 256} {
		b.Run(fmt.Sprintf("records=%d", size), func(b *testing.B) {
			ctx := b.Context()
			f := openAt(b, b.TempDir(), Retention{}).Feed("node", nil)
			subs, err := feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: "a"}, {Mailbox: "b"}})
			require.NoError(b, err)
			require.NoError(b, f.Open(ctx, pipeline.Term{Epoch: 1, Subscriptions: subs}))
			seq, number := feed.Seq(0), feed.Number(0)
			heads := map[string]feed.Hash{}
			began := processorTime(b)
			for b.Loop() {
				accepted, entries := make([]pipeline.Accepted, size), make([]feed.Entry, 0, 2*size)
				for i := range accepted {
					seq++
					number++
					payload := make([]byte, 300)
					copy(payload, fmt.Sprint(seq))
					rec := feed.Record{Seq: seq, Epoch: 1, Item: feed.NewItem("node", uint64(seq), walletA, feed.KindResult, payload)}
					accepted[i] = pipeline.Accepted{Record: rec, Payload: payload}
					for _, mailbox := range []string{"a", "b"} {
						e := feed.Entry{Mailbox: mailbox, Number: number, Previous: heads[mailbox], Record: rec}
						heads[mailbox] = e.Hash()
						entries = append(entries, e)
					}
				}
				require.NoError(b, f.Accept(ctx, accepted))
				require.NoError(b, f.Append(ctx, entries))
			}
			b.ReportMetric(float64((processorTime(b)-began).Microseconds())/float64(seq), "µs-CPU/record")
			b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(2*b.N)/b.Elapsed().Seconds(), "transactions/s")
		})
	}
}

// processorTime is what the process has taken so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
