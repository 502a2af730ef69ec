package pipeline_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// unkept is a log that stores no records and no entries: what is measured is the feed and not a store.
type unkept struct {
	*feedtest.Log
	sealed chan struct{}
}

func (unkept) Accept(context.Context, []pipeline.Accepted) error { return nil }
func (unkept) Append(context.Context, []feed.Entry) error        { return nil }

func (l unkept) Seal(ctx context.Context, s feed.Seal) error {
	err := l.Log.Seal(ctx, s)
	l.sealed <- struct{}{}
	return err
}

func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Records of 300 bytes through all stages into two mailboxes, in epochs of 4096, beside the libp2p verification that a message behind
// pubsub has cost before. CPU time of the whole process, so that neighbours count as little as they can.
func BenchmarkRecords(b *testing.B) {
	const epoch, size, mailboxes = 4096, 256, 2
	s, _ := signer(b)
	log := unkept{feedtest.New(), make(chan struct{}, 1)}
	f, err := pipeline.New(pipeline.Config{Signer: s, Log: log, Sources: []string{"node"}, MailboxBound: 1 << 62, WindowBlocks: window})
	require.NoError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	heights, ended := make(chan chain.Height), make(chan error, 1)
	go func() { ended <- f.Run(ctx, heights) }()
	_, err = f.Subscribe(ctx, both[:mailboxes])
	require.NoError(b, err)
	height := chain.Height(window)
	heights <- height
	var batches [epoch / size][]pipeline.Message
	for i := range batches {
		for j := range size {
			payload := make([]byte, 300)
			copy(payload, fmt.Sprint(i, j))
			batches[i] = append(batches[i], pipeline.Message{Wallet: wallet(i*size + j), Kind: feed.KindProposal, Payload: payload})
		}
	}
	key, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	require.NoError(b, err)
	text := make([]byte, 300)
	signature, err := key.Sign(text)
	require.NoError(b, err)

	var records uint64
	var feeding, verifying, signing time.Duration
	verified, signed := 0, 0
	for b.Loop() {
		began := cpu(b)
		for _, batch := range batches {
			require.NoError(b, f.Submit(ctx, "node", records+1, batch))
			records += size
		}
		height += window
		heights <- height
		<-log.sealed // all of it has passed all stages
		feeding += cpu(b) - began
		began = cpu(b)
		for range 100 {
			ok, err := key.GetPublic().Verify(text, signature)
			require.True(b, ok && err == nil)
			verified++
		}
		verifying += cpu(b) - began
		began = cpu(b)
		for range 100 {
			(&feed.Commitment{Actor: s.Actor(feed.Inbox, 0)}).Sign(s)
			signed++
		}
		signing += cpu(b) - began
	}
	stop()
	<-ended
	perRecord := feeding.Seconds() / float64(records)
	perSignature := signing.Seconds() / float64(signed)
	signatures := float64(2 + pipeline.DefaultShards + pipeline.DefaultOutboxes + 1)
	ofVerification := perRecord / (verifying.Seconds() / float64(verified))
	ofFeeding := signatures * perSignature / (perRecord * epoch)
	b.ReportMetric(1/perRecord, "records/CPU-s")
	b.ReportMetric(perRecord*1e9, "ns-CPU/record")
	b.ReportMetric(ofVerification, "of-a-verification")
	b.ReportMetric(100*ofFeeding, "%-signing")
	// The gates that are ratios within this run. How many records a CPU second takes is the machine's, and is told alone.
	require.Less(b, ofVerification, 0.20, "of libp2p's verification of a message")
	require.Less(b, ofFeeding, 0.05, "of the feed's time go into signatures of epochs")
}
