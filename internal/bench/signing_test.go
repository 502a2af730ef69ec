package bench

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

// bare is what the library alone takes: all parties in one process, their messages handed on as they are. As many parties as there are
// processors are at work at a time, as in the circle: what two neighbouring processors do at a time takes each of them longer.
type bare struct {
	ids      []party.ID
	handlers map[party.ID]*protocol.MultiHandler
}

// seatIDs names n seats as the library does: one byte each.
func seatIDs(n int) []party.ID {
	ids := make([]party.ID, n)
	for i := range ids {
		ids[i] = party.ID([]byte{byte(i + 1)}) //nolint:gosec // at most 100
	}
	return ids
}

func newBare(b *testing.B, ids []party.ID, start func(self party.ID) protocol.StartFunc) *bare {
	b.Helper()
	p := &bare{ids: ids, handlers: make(map[party.ID]*protocol.MultiHandler)}
	for _, id := range ids {
		h, err := protocol.NewMultiHandler(start(id), []byte("a session of the benchmark's own"))
		require.NoError(b, err)
		p.handlers[id] = h
	}
	return p
}

// play goes on until nobody has anything to say.
func (p *bare) play() {
	for {
		var said []*protocol.Message
		for _, id := range p.ids {
			said = append(said, p.waiting(id)...)
		}
		if len(said) == 0 {
			return
		}
		var parties errgroup.Group
		parties.SetLimit(runtime.GOMAXPROCS(0))
		for _, id := range p.ids {
			parties.Go(func() error {
				for _, m := range said {
					if m.IsFor(id) {
						p.handlers[id].Accept(m)
					}
				}
				return nil
			})
		}
		_ = parties.Wait() // none returns an error
	}
}

// waiting returns what a party has to say.
func (p *bare) waiting(id party.ID) []*protocol.Message {
	var all []*protocol.Message
	for {
		select {
		case m, open := <-p.handlers[id].Listen():
			if !open {
				return all
			}
			all = append(all, m)
		default:
			return all
		}
	}
}

// bareKeygen makes a key with the library alone, and returns each party's part of it.
func bareKeygen(b *testing.B, seats, threshold int) map[party.ID]*frost.TaprootConfig {
	b.Helper()
	ids := seatIDs(seats)
	p := newBare(b, ids, func(self party.ID) protocol.StartFunc { return frost.KeygenTaproot(self, ids, threshold-1) })
	p.play()
	configs := make(map[party.ID]*frost.TaprootConfig)
	for _, id := range ids {
		made, err := p.handlers[id].Result()
		require.NoError(b, err)
		config, ok := made.(*frost.TaprootConfig)
		require.True(b, ok)
		configs[id] = config
	}
	return configs
}

func bareSign(b *testing.B, configs map[party.ID]*frost.TaprootConfig, threshold int) {
	b.Helper()
	ids := seatIDs(threshold)
	p := newBare(b, ids, func(self party.ID) protocol.StartFunc { return frost.SignTaproot(configs[self], ids, make([]byte, 32)) })
	p.play()
	for _, id := range ids {
		_, err := p.handlers[id].Result()
		require.NoError(b, err)
	}
}

// lingering is for how long attestations are said again after a key generation, and somewhat longer: that is not a signature's.
const lingering = 75 * time.Second

// windows are how many heartbeats are signed with each key.
const windows = 8

// BenchmarkOperators measures key generations and signatures of whole operators, who have the seats in equal parts, beside the bare
// library's in the same run: processor time of nodes and signers, for each party (a seat of a key, a seat that signs); how many times
// the library's that is, and without what idle nodes and signers take in the same time; of that the nodes' part alone, which is what they and the
// transport between them add; and the bytes on libp2p streams.
func BenchmarkOperators(b *testing.B) {
	for _, size := range []struct{ threshold, seats, operators int }{{3, 5, 5}, {11, 20, 20}, {51, 100, 20}} {
		b.Run(fmt.Sprintf("%d-of-%d/operators-%d", size.threshold, size.seats, size.operators), func(b *testing.B) {
			c := newCircle(b, size.operators, 1)
			var keys, signatures tally
			block := chain.Height(0)
			for b.Loop() {
				var w chain.Wallet
				keys.add(c.measure(func() { w = c.generate(size.seats, size.threshold) }))
				var configs map[party.ID]*frost.TaprootConfig
				keys.beside(func() { configs = bareKeygen(b, size.seats, size.threshold) })
				require.NoError(b, pause.For(b.Context(), lingering))

				for range windows {
					block += 900
					c.agree(w, block)
					signatures.add(c.measure(func() { c.sign(w, block) }))
					signatures.beside(func() { bareSign(b, configs, size.threshold) })
				}
			}
			keys.report(b, "keygen", size.seats)
			signatures.report(b, "sign", size.threshold)
		})
	}
}

// tally sums up what was measured, and the library's time for the same.
type tally struct {
	cost
	library time.Duration
	times   int
}

func (t *tally) add(c cost) {
	t.nodes, t.signers, t.bytes = t.nodes+c.nodes, t.signers+c.signers, t.bytes+c.bytes
	t.rest = used{t.rest.nodes + c.rest.nodes, t.rest.signers + c.rest.signers}
	t.times++
}

func (t *tally) beside(library func()) {
	began := CPUTime()
	library()
	t.library += CPUTime() - began
}

// report gives milliseconds of processor time for each party, and ratios to the library's own.
func (t *tally) report(b *testing.B, name string, parties int) {
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(t.times) / float64(parties) }
	ratio := func(d time.Duration) float64 { return float64(d) / float64(t.library) }
	b.ReportMetric(each(t.nodes+t.signers), name+"-ms/party")
	b.ReportMetric(each(t.library), name+"-bare-ms/party")
	b.ReportMetric(ratio(t.nodes+t.signers), name+"-ratio")
	b.ReportMetric(ratio(t.nodes+t.signers-t.rest.nodes-t.rest.signers), name+"-ratio-less-idle")
	b.ReportMetric(ratio(t.nodes-t.rest.nodes), name+"-nodes-ratio-less-idle")
	b.ReportMetric(float64(t.bytes)/float64(t.times)/1000, name+"-kB")
}
