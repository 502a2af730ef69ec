package rpcfault

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// caller asks the endpoint behind.
type caller func(ctx context.Context, method string, args ...any) (json.RawMessage, error)

// tale is the chain as the endpoint tells it in answer to one message: the true one with the state's faults. All parts of
// a batch have one tale, and so one newest block.
type tale struct {
	*state
	ask   caller
	now   chain.Height // the true newest block
	known bool         // whether it was read
}

// twisted reports whether the tale has other blocks, or another newest one, than the true chain.
func (s *state) twisted() bool { return s.Lag > 0 || s.Jump > 0 || s.Fork != nil || s.Lie != nil }

// aheadBlocks is how many blocks of a jump are there: enough for who asks for the newest one's parents.
const aheadBlocks = 16

// invent makes the branches that a state's faults need, and takes over those that the state before has already.
func (p *Proxy) invent(ctx context.Context, next *state) error {
	before := p.state.Load()
	if next.Fork != nil {
		next.fork = newBranch(next.Fork.From, 0, "fork "+next.Fork.Salt, common.Hash{})
		if before.Fork != nil && *before.Fork == *next.Fork {
			next.fork = before.fork
		}
	}
	if next.Jump == 0 {
		return nil
	}
	if before.Jump == next.Jump {
		next.ahead = before.ahead
		return nil
	}
	now, err := (&tale{state: next, ask: p.call}).truth(ctx)
	if err != nil {
		return err
	}
	from := max(now+1, aheadBlocks) - aheadBlocks + next.Jump // a short chain's begins with its first block
	next.ahead = newBranch(from, next.Jump, "ahead", crypto.Keccak256Hash([]byte("ahead")))
	return nil
}

// truth returns the height of the true newest block.
func (t *tale) truth(ctx context.Context) (chain.Height, error) {
	if t.known {
		return t.now, nil
	}
	text, err := t.ask(ctx, "eth_blockNumber")
	if err != nil {
		return 0, err
	}
	var now hexutil.Uint64
	if err := json.Unmarshal(text, &now); err != nil {
		return 0, err
	}
	t.now, t.known = chain.Height(now), true
	return t.now, nil
}

// newest returns the height of the newest block as it is told.
func (t *tale) newest(ctx context.Context) (chain.Height, error) {
	now, err := t.truth(ctx)
	if err != nil {
		return 0, err
	}
	h := now - min(now, t.Lag) + t.Jump
	switch {
	case t.ahead != nil:
		h = min(h, t.ahead.highest())
	case t.fork != nil:
		h = min(h, t.fork.highest())
	}
	return h, nil
}

// latest tells the newest block.
func (t *tale) latest(ctx context.Context, full bool) (json.RawMessage, error) {
	h, err := t.newest(ctx)
	if err != nil {
		return nil, err
	}
	if t.Withhold.holds(h) {
		t.log.noteAt(KindWithhold, h)
		return null, nil
	}
	if t.Lag > 0 {
		t.log.noteAt(KindLag, h)
	}
	return t.block(ctx, h, full)
}

// tagged tells the safe or the finalized block.
func (t *tale) tagged(ctx context.Context, tag string, full bool) (json.RawMessage, error) {
	text, err := t.ask(ctx, "eth_getBlockByNumber", tag, full)
	if err != nil || isNull(text) {
		return text, err
	}
	h, err := numberOf(text)
	if err != nil {
		return nil, err
	}
	if t.Lag > 0 {
		h -= min(h, t.Lag)
		t.log.noteAt(KindLag, h)
	}
	return t.block(ctx, h, full)
}

// block tells the block of a height.
func (t *tale) block(ctx context.Context, h chain.Height, full bool) (json.RawMessage, error) {
	now, err := t.truth(ctx)
	if err != nil {
		return nil, err
	}
	top, err := t.newest(ctx)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context, h chain.Height) (json.RawMessage, error) { return t.trueBlock(ctx, h, false) }
	var text json.RawMessage
	switch {
	case h > top:
		if h <= now && t.Lag > 0 {
			t.log.noteAt(KindLag, h)
		}
		return null, nil
	case t.ahead != nil && h >= t.ahead.from:
		t.log.noteAt(KindJump, h)
		return t.ahead.at(ctx, h, read)
	case t.ahead != nil && h > now-min(now, t.Lag):
		return null, nil // between the chain and what is made up
	case t.fork != nil && h >= t.fork.from:
		t.log.noteAt(KindFork, h)
		text, err = t.fork.at(ctx, h, read)
	default:
		text, err = t.trueBlock(ctx, h, full)
	}
	if t.Lie == nil || t.Lie.Height != h || err != nil || isNull(text) {
		return text, err
	}
	t.log.noteAt(KindLie, h)
	lie, err := t.lie(text)
	return lie.text, err
}

func (t *tale) trueBlock(ctx context.Context, h chain.Height, full bool) (json.RawMessage, error) {
	return t.ask(ctx, "eth_getBlockByNumber", hexutil.Uint64(h), full)
}

// lie is the wrong block in place of a true one, and the hash that it has or claims.
func (t *tale) lie(block json.RawMessage) (made, error) {
	if !t.Lie.ClaimOnly {
		return remake(block, func(header *types.Header) { header.Extra = []byte("lie " + t.Lie.Salt) })
	}
	hash := crypto.Keccak256Hash([]byte(t.Lie.Salt), []byte("claim"))
	text, err := claim(block, hash)
	return made{text, hash}, err
}

// byHash tells the block of a hash.
func (t *tale) byHash(ctx context.Context, hash common.Hash, full bool) (json.RawMessage, error) {
	if h, ok, err := t.invented(ctx, hash); ok || err != nil {
		if err != nil {
			return nil, err
		}
		return t.block(ctx, h, full)
	}
	text, err := t.ask(ctx, "eth_getBlockByHash", hash, full)
	if err != nil || isNull(text) {
		return text, err
	}
	h, err := numberOf(text)
	if err != nil {
		return nil, err
	}
	if t.Withhold.holds(h) {
		t.log.noteAt(KindWithhold, h)
		return null, nil
	}
	// By number it tells this block, or another one, or none; and by hash it tells no other story.
	told, err := t.block(ctx, h, full)
	if err != nil || isNull(told) || (t.Lie != nil && t.Lie.Height == h && t.Lie.ClaimOnly) {
		return told, err
	}
	if has, err := hashOf(told); err != nil || has != hash {
		return null, err
	}
	return told, nil
}

// invented returns the height of a made-up block; false if the hash is that of none.
func (t *tale) invented(ctx context.Context, hash common.Hash) (chain.Height, bool, error) {
	for _, b := range []*branch{t.ahead, t.fork} {
		if h, ok := b.height(ctx, hash); ok {
			return h, true, nil
		}
	}
	if t.Lie == nil {
		return 0, false, nil
	}
	text, err := t.trueBlock(ctx, t.Lie.Height, false)
	if err != nil || isNull(text) {
		return 0, false, err
	}
	lie, err := t.lie(text)
	return t.Lie.Height, lie.hash == hash, err
}

// pushed is what is pushed when the true chain has a new head: a header, or nil for nothing. last is the height that was
// pushed before.
func (t *tale) pushed(ctx context.Context, head json.RawMessage, last chain.Height) (json.RawMessage, chain.Height, error) {
	h, err := numberOf(head)
	if err != nil {
		return nil, last, err
	}
	switch {
	case t.Hang:
		t.log.noteAt(KindHang, h)
		return nil, last, nil
	case t.Silent:
		t.log.noteAt(KindSilent, h)
		return nil, last, nil
	case t.Withhold.holds(h):
		t.log.noteAt(KindWithhold, h)
		return nil, last, nil
	case !t.twisted():
		return head, h, nil
	}
	t.now, t.known = h, true
	shown, err := t.newest(ctx)
	if err != nil {
		return nil, last, err
	}
	if t.Lag > 0 {
		t.log.noteAt(KindLag, h)
		if shown <= last {
			return nil, last, nil // it was pushed before the endpoint fell behind
		}
	}
	block, err := t.block(ctx, shown, false)
	if err != nil || isNull(block) {
		return nil, last, err
	}
	header, err := headerOf(block)
	return header, shown, err
}

func isNull(text json.RawMessage) bool { return len(text) == 0 || bytes.Equal(text, null) }

// hashOf reads the hash that a block claims to have.
func hashOf(block json.RawMessage) (common.Hash, error) {
	var fields struct {
		Hash common.Hash `json:"hash"`
	}
	err := json.Unmarshal(block, &fields)
	return fields.Hash, err
}
