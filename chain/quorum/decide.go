package quorum

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// lastWords is how long a decision that cannot be reached any more waits for the remaining answers, so that its error
// tells how far the groups were from agreeing.
const lastWords = 250 * time.Millisecond

// voter is an endpoint with a voice in decisions.
type voter struct {
	*link
	name  string
	group string
}

// electorate is who may be asked for a decision, and how many vote groups must give one answer.
type electorate struct {
	voters []voter
	groups int // configured, also those without a voice at the moment
	needed int
}

// reply is one endpoint's answer.
type reply[T comparable] struct {
	voter
	value T
	err   error // it has no answer, which counts for nothing
}

// decide asks every voter at once and returns what more than half of the configured vote groups answer. A group has one
// voice: it speaks when all its members that answer say the same. The error is chain.ErrNoQuorum when no answer can reach
// a majority any more, or no more answers come.
func decide[T comparable](
	ctx context.Context, p *Pool, subject string, ask func(context.Context, Endpoint) (T, error),
) (T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever is not needed any more is not waited for
	timed, cancel := context.WithTimeout(ctx, p.config.decisionDeadline())
	defer cancel()
	body := p.summon()
	replies := make(chan reply[T], len(body.voters)) // room for all: who is late does not wait to say so
	count := newTally[T](body)
	for _, v := range body.voters {
		go func() {
			defer v.leave()
			began := time.Now()
			value, err := ask(timed, v.endpoint)
			v.served(ctx, err, time.Since(began))
			replies <- reply[T]{v, value, err}
		}()
	}
	var patience <-chan time.Time
	for {
		value, agreed, open := count.leader()
		switch {
		case agreed >= body.needed:
			return value, nil
		case open == 0:
			return value, count.noQuorum(subject, agreed)
		case agreed+open < body.needed && patience == nil:
			patience = time.After(lastWords)
		}
		select {
		case r := <-replies:
			count.add(r)
		case <-patience:
			return value, count.noQuorum(subject, agreed)
		case <-timed.Done():
			return value, count.noQuorum(subject, agreed)
		}
	}
}

// summon enters all voters. If one left between being looked up and being entered, the set was changed meanwhile, and the
// new one is asked instead. In a closed pool there are none.
func (p *Pool) summon() electorate {
	for {
		state := p.state.Load()
		body := state.electorate
		body.voters = slices.Clone(body.voters)
		gone := false
		body.voters = slices.DeleteFunc(body.voters, func(v voter) bool {
			left := !v.enter()
			gone = gone || left
			return left
		})
		if !gone || p.state.Load() == state {
			return body
		}
		for _, v := range body.voters {
			v.leave()
		}
	}
}

// tally counts the voices of groups.
type tally[T comparable] struct {
	electorate
	voices   map[string]*stance[T]
	failures []string
}

// stance is what one group said so far.
type stance[T comparable] struct {
	waiting int // members that have not answered yet
	spoke   bool
	split   bool // its members contradict each other
	value   T
}

func newTally[T comparable](body electorate) *tally[T] {
	t := &tally[T]{electorate: body, voices: make(map[string]*stance[T], body.groups)}
	for _, v := range body.voters {
		if t.voices[v.group] == nil {
			t.voices[v.group] = new(stance[T])
		}
		t.voices[v.group].waiting++
	}
	return t
}

func (t *tally[T]) add(b reply[T]) {
	v := t.voices[b.group]
	v.waiting--
	switch {
	case b.err != nil:
		t.failures = append(t.failures, fmt.Sprintf("%s: %v", b.name, b.err))
	case !v.spoke:
		v.spoke, v.value = true, b.value
	case v.value != b.value:
		v.split = true
	}
}

// leader returns the answer with the most groups behind it, how many those are, and how many groups may still speak. Of
// two that are equal either may be returned; neither has a majority.
func (t *tally[T]) leader() (value T, agreed, open int) {
	counts := make(map[T]int, 2)
	for _, v := range t.voices {
		switch {
		case v.split:
		case v.waiting > 0:
			open++
		case v.spoke:
			counts[v.value]++
			if counts[v.value] > agreed {
				value, agreed = v.value, counts[v.value]
			}
		}
	}
	return value, agreed, open
}

// noQuorum tells how far the groups were from agreeing. What single endpoints said is kept as text alone: none of it may
// be taken for the pool's answer.
func (t *tally[T]) noQuorum(subject string, agreed int) error {
	err := fmt.Errorf("%w: %d of %d vote groups agree on %s, needed are %d", chain.ErrNoQuorum, agreed, t.groups, subject, t.needed)
	if len(t.failures) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(t.failures, "; "))
	}
	return err
}

// Header returns the agreed header of a height: from the ring of what was agreed, or as more than half of the configured
// vote groups tell it now. It is chain.ErrNotFound if so many do not have it, and otherwise chain.ErrNoQuorum.
func (p *Pool) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	if header, ok := p.state.Load().ring.At(h); ok {
		return header, nil
	}
	return p.elect(ctx, h)
}

// Agreed reports whether a header was agreed on by more than half of the configured vote groups, and stands.
func (p *Pool) Agreed(h chain.Header) bool {
	return p.state.Load().ring.has(h)
}

// deliveredHead returns the head that was delivered last, which is agreed if there is a quorum: so it is never older than
// what the node's clock shows. If there is none, or the clock shows what was delivered while there was none, it is
// chain.ErrNoQuorum.
func (p *Pool) deliveredHead() (chain.Header, error) {
	head := chain.Height(p.head.Load()) // before the state: what is delivered is in the ring already
	s := p.state.Load()
	if !s.snapshot.Quorum {
		return chain.Header{}, fmt.Errorf("%w: %d of %d vote groups agree on a head, needed are %d",
			chain.ErrNoQuorum, s.snapshot.Votes, s.snapshot.Groups, s.snapshot.Needed)
	}
	agreed, known := s.ring.At(head)
	switch {
	case known && head > 0: // 0 is before the first
		return agreed, nil
	case head > s.snapshot.Agreed.Height:
		return chain.Header{}, fmt.Errorf("%w: block %d is not agreed", chain.ErrNoQuorum, head)
	}
	return s.snapshot.Agreed, nil // the ring was begun anew, and the feed is about to deliver from it
}

// elect asks all voters for a header.
func (p *Pool) elect(ctx context.Context, h chain.Height) (chain.Header, error) {
	type told struct {
		chain.Header
		seconds int64 // in place of the header's time, which need not be comparable
		found   bool
	}
	answer, err := decide(ctx, p, fmt.Sprintf("block %d", h), func(ctx context.Context, e Endpoint) (told, error) {
		header, err := e.Header(ctx, h)
		switch {
		case errors.Is(err, chain.ErrNotFound):
			return told{}, nil
		case err != nil:
			return told{}, err
		case header.Height != h:
			return told{}, &chain.EndpointError{
				Trouble: chain.TroubleMalformed, Err: fmt.Errorf("header of block %d instead", header.Height),
			}
		}
		seconds := header.Time.Unix()
		header.Time = time.Time{}
		return told{header, seconds, true}, nil
	})
	switch {
	case err != nil:
		return chain.Header{}, ctxOr(ctx, err)
	case !answer.found:
		return chain.Header{}, fmt.Errorf("%w: %d", chain.ErrNotFound, h)
	}
	answer.Time = time.Unix(answer.seconds, 0)
	return answer.Header, nil
}

// ctxOr returns the caller's own end in place of err: who gave up has no answer, not a disagreement.
func ctxOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// validate asks all voters for the contract's verdict at the head that was delivered last: at one block, so that honest
// endpoints give one verdict; at an agreed one, so that everybody has it; and at that of the node's clock, so that verdicts
// at two heads are of two blocks, which rule R5 counts on. Without a present quorum there is no such block: the one
// agreed last grows old, and a verdict at it says nothing about now.
func (p *Pool) validate(ctx context.Context, ask func(context.Context, Endpoint, chain.Hash) error) error {
	head, err := p.deliveredHead()
	if err != nil {
		return err
	}
	verdict, err := decide(ctx, p, "the validity", func(ctx context.Context, e Endpoint) (chain.Refusal, error) {
		err := ask(ctx, e, head.Hash)
		var refusal *chain.Refusal
		if errors.As(err, &refusal) {
			// The first byte keeps a refusal without a text apart from an acceptance.
			return chain.Refusal{Reason: "-" + refusal.Reason}, nil
		}
		return chain.Refusal{}, err
	})
	switch {
	case err != nil:
		return ctxOr(ctx, err)
	case verdict.Reason != "":
		return &chain.Refusal{Reason: verdict.Reason[1:]}
	}
	return nil
}

// ValidateHeartbeat returns what more than half of the vote groups say at the agreed head: nil, or *chain.Refusal. Any
// other error is ours, chain.ErrNoQuorum among them.
func (p *Pool) ValidateHeartbeat(ctx context.Context, wallet chain.WalletID, message [16]byte) error {
	return p.validate(ctx, func(ctx context.Context, e Endpoint, at chain.Hash) error {
		return e.ValidateHeartbeatAt(ctx, at, wallet, message)
	})
}

// ValidateRedemption is as ValidateHeartbeat; scripts are without length prefix, fee is the whole fee in satoshi.
func (p *Pool) ValidateRedemption(ctx context.Context, wallet chain.WalletID, scripts [][]byte, fee *big.Int) error {
	return p.validate(ctx, func(ctx context.Context, e Endpoint, at chain.Hash) error {
		return e.ValidateRedemptionAt(ctx, at, wallet, scripts, fee)
	})
}

// ValidateMovedFundsSweep is as ValidateHeartbeat; txHash is in internal byte order, fee in satoshi.
func (p *Pool) ValidateMovedFundsSweep(
	ctx context.Context, wallet chain.WalletID, txHash [32]byte, index uint32, fee *big.Int,
) error {
	return p.validate(ctx, func(ctx context.Context, e Endpoint, at chain.Hash) error {
		return e.ValidateMovedFundsSweepAt(ctx, at, wallet, txHash, index, fee)
	})
}
