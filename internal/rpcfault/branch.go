package rpcfault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/walletnode/walletnode/chain"
)

// mostMade is how many blocks a branch may have, more than two windows' distance; at its end it stands still. They are
// kept, because a block can only be made on top of the one before: some 2 kB each.
const mostMade = 2048

// branch is a chain of made-up blocks. The block of height h is the true one of h - shift with another extra data, and
// with the parent and the number that it needs here; so it is as plausible as a true one.
type branch struct {
	from  chain.Height
	shift chain.Height
	salt  string
	root  common.Hash // what the lowest block names as its parent; zero for what the true one names

	turn   chan struct{} // held by who reads or extends what is below
	blocks []made
	byHash map[common.Hash]chain.Height
}

// made is a made-up block.
type made struct {
	text json.RawMessage
	hash common.Hash
}

func newBranch(from, shift chain.Height, salt string, root common.Hash) *branch {
	return &branch{
		from: from, shift: shift, salt: salt, root: root,
		turn: make(chan struct{}, 1), byHash: make(map[common.Hash]chain.Height),
	}
}

// highest is the highest block that the branch can ever have.
func (b *branch) highest() chain.Height { return b.from + mostMade - 1 }

// at returns the block of a height, made from true blocks that read returns, null for one that is not there. It returns
// null where the branch does not reach.
func (b *branch) at(ctx context.Context, h chain.Height, read func(context.Context, chain.Height) (json.RawMessage, error)) (json.RawMessage, error) {
	if h < b.from || h > b.highest() {
		return null, nil
	}
	if err := b.take(ctx); err != nil {
		return nil, err
	}
	defer b.give()
	for next := b.from + chain.Height(len(b.blocks)); next <= h; next++ {
		text, err := read(ctx, next-b.shift)
		if err != nil || isNull(text) {
			return null, err
		}
		parent := b.root
		if n := len(b.blocks); n > 0 {
			parent = b.blocks[n-1].hash
		}
		block, err := remake(text, func(header *types.Header) {
			header.Extra, header.Number = []byte(b.salt), new(big.Int).SetUint64(uint64(next))
			if parent != (common.Hash{}) {
				header.ParentHash = parent
			}
		})
		if err != nil {
			return nil, err
		}
		b.blocks = append(b.blocks, block)
		b.byHash[block.hash] = next
	}
	return b.blocks[h-b.from].text, nil
}

// height returns the height of the block of a hash; false if it is none of the branch.
func (b *branch) height(ctx context.Context, hash common.Hash) (chain.Height, bool) {
	if b == nil || b.take(ctx) != nil {
		return 0, false
	}
	defer b.give()
	h, ok := b.byHash[hash]
	return h, ok
}

func (b *branch) take(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *branch) give() { <-b.turn }

// remake changes a block's header and gives it the hash that it then has.
func remake(text json.RawMessage, change func(*types.Header)) (made, error) {
	var header types.Header
	if err := json.Unmarshal(text, &header); err != nil {
		return made{}, fmt.Errorf("decode the block behind: %w", err)
	}
	change(&header)
	changed, err := json.Marshal(&header)
	if err != nil {
		return made{}, fmt.Errorf("encode a made-up header: %w", err)
	}
	var fields, over map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(text, &fields), json.Unmarshal(changed, &over)); err != nil {
		return made{}, fmt.Errorf("decode a made-up header: %w", err)
	}
	maps.Copy(fields, over) // the hash too, which geth computes
	text, err = json.Marshal(fields)
	return made{text: text, hash: header.Hash()}, err
}

// claim replaces the hash that a block claims to have and leaves everything else.
func claim(text json.RawMessage, hash common.Hash) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("decode the block behind: %w", err)
	}
	fields["hash"] = fmt.Appendf(nil, "%q", hash)
	return json.Marshal(fields)
}

// headerOf leaves of a block what a header has, as it is pushed.
func headerOf(block json.RawMessage) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(block, &fields); err != nil {
		return nil, fmt.Errorf("decode the block behind: %w", err)
	}
	for _, name := range []string{"transactions", "uncles", "withdrawals", "size", "totalDifficulty"} {
		delete(fields, name)
	}
	return json.Marshal(fields)
}

// numberOf reads a block's or header's number.
func numberOf(block json.RawMessage) (chain.Height, error) {
	var header struct {
		Number *hexutil.Uint64 `json:"number"`
	}
	if err := json.Unmarshal(block, &header); err != nil {
		return 0, fmt.Errorf("decode the block behind: %w", err)
	}
	if header.Number == nil {
		return 0, errors.New("block without a number")
	}
	return chain.Height(*header.Number), nil
}
