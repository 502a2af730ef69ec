package quorum

import (
	"context"
	"log/slog"
	"testing"

	"github.com/walletnode/walletnode/chain"
)

// instant is an endpoint that answers at once, so that what is measured is the pool's.
type instant struct {
	Endpoint
	tip *chain.Height
}

func (e instant) Look(_ context.Context, ask Ask) (Sight, error) {
	s := Sight{ChainID: truthChain, Head: trueHeader(*e.tip)}
	if ask.To > 0 {
		s.Headers, _ = e.Headers(context.Background(), ask.From, ask.To)
	}
	return s, nil
}

func (e instant) Headers(_ context.Context, from, to chain.Height) (headers []chain.Header, err error) {
	for h := from; h <= to; h++ {
		headers = append(headers, trueHeader(h))
	}
	return headers, nil
}

func (instant) RedemptionLimits(context.Context) (chain.RedemptionLimits, error) {
	return chain.RedemptionLimits{}, nil
}

func (instant) Header(_ context.Context, h chain.Height) (chain.Header, error) {
	return trueHeader(h), nil
}

func (instant) Room(_ context.Context, n int) (int, error) { return n, nil }

func (instant) Close() {}

func newBenchPool(b *testing.B) (*Pool, *chain.Height) {
	tip := chain.Height(1000)
	var set []Member
	for i := range 5 {
		name := string(rune('a' + i))
		set = append(set, Member{
			Name: name, Group: name, Primary: i == 0,
			Open: func() (Endpoint, error) { return instant{tip: &tip}, nil },
		})
	}
	p, err := New(b.Context(), Config{Members: set, ChainID: truthChain}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return p, &tip
}

// What the pool adds to one read.
func BenchmarkRead(b *testing.B) {
	p, _ := newBenchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.RedemptionLimits(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// A header that is agreed already.
func BenchmarkHeaderInTheRing(b *testing.B) {
	p, _ := newBenchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Header(b.Context(), 999); err != nil {
			b.Fatal(err)
		}
	}
}

// A header that five endpoints are asked for.
func BenchmarkHeaderByVote(b *testing.B) {
	p, _ := newBenchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Header(b.Context(), 10); err != nil {
			b.Fatal(err)
		}
	}
}

// One round of polls of five endpoints with a new block, all that the pool does about it included; the endpoints' own
// answers cost nothing here. One percent of a core at a round every 5 s is 50 ms a round.
func BenchmarkPollRound(b *testing.B) {
	p, tip := newBenchPool(b)
	b.ReportAllocs()
	for b.Loop() {
		*tip++
		for _, t := range p.book.tracks {
			r := t.link.poll(b.Context(), p.config, p.state.Load().ring)
			p.book.judge(r.at, r)
			p.publish()
		}
	}
	if agreed := p.Snapshot().Agreed.Height; agreed != *tip {
		b.Fatalf("agreed on %d, not %d", agreed, *tip)
	}
}
