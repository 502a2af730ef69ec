// Package localchain is the devnet's host chain: go-ethereum's own node with simulated consensus, in this
// process, behind a real WebSocket on the loopback interface, with the devnet's contracts deployed. Nodes reach
// it as they would any endpoint.
//
// The protocol's constants stay as they are (a window every 900 blocks); blocks are faster instead, and the idle
// stretch between two windows can be mined in a burst.
package localchain

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// ChainID is the EIP-155 number of every local chain.
const ChainID = 1337

// Config describes a local chain.
type Config struct {
	// BlockTime is the pause between two blocks in real time. In chain time a block is at least one second after
	// its parent, so the chain's clock runs ahead of ours.
	BlockTime time.Duration
	// FastIdle mines the stretch between two windows without pauses, up to 40 blocks before the next window.
	FastIdle bool
	// Busy reports whether something is under way that needs blocks at their pace; nil means never. Bursts stop
	// while it returns true. It is called from the miner's goroutine before each block of a burst.
	Busy func() bool
	// Wait reports whether the block after a height has to wait, for those who have not yet taken in the ones there are; nil
	// means never. It is called from the miner's goroutine before each block at its pace, and asked again a block time later.
	Wait func(chain.Height) bool
	// Seed fixes the devnet account, and with it the contracts' addresses. Block hashes are random all the same.
	Seed uint64
}

// Chain is a local chain. Its methods may be called from any goroutine; blocks are made by Run, and before Run
// by the methods that need one.
type Chain struct {
	config            Config
	backend           *backend
	key               *ecdsa.PrivateKey
	bridge, validator common.Address

	// turn is held by whoever changes the chain or the fields below it; taking it can be given up with a context.
	turn    chan struct{}
	running bool
	paused  bool
	hold    chain.Height // no block above it is mined; 0 means no hold

	mu    sync.Mutex
	mined chan struct{} // closed and replaced after each block
}

// New starts a chain and deploys the contracts, which takes its first blocks. Close releases it.
func New(config Config) (*Chain, error) {
	if config.BlockTime <= 0 {
		return nil, fmt.Errorf("block time %v is not positive", config.BlockTime)
	}
	key, err := accountKey(config.Seed)
	if err != nil {
		return nil, err
	}
	backend, err := startBackend(crypto.PubkeyToAddress(key.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("start local chain: %w", err)
	}
	c := &Chain{
		config:  config,
		backend: backend,
		key:     key,
		turn:    make(chan struct{}, 1),
		mined:   make(chan struct{}),
	}
	ctx, cancel := context.WithTimeout(context.Background(), deployTimeout) // no caller's context: it is our own start
	defer cancel()
	if err := c.deploy(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("deploy contracts: %w", err), backend.close())
	}
	return c, nil
}

// accountKey derives the key of the devnet account, which owns the contracts and all the money.
func accountKey(seed uint64) (*ecdsa.PrivateKey, error) {
	digest := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("walletnode devnet account"), seed))
	key, err := crypto.ToECDSA(digest[:])
	if err != nil {
		return nil, fmt.Errorf("derive devnet account: %w", err)
	}
	return key, nil
}

// Close stops the chain and its WebSocket. Run must have ended.
func (c *Chain) Close() error { return c.backend.close() }

// URL returns the chain's WebSocket endpoint.
func (c *Chain) URL() string { return c.backend.node.WSEndpoint() }

// Bridge returns the address of the Bridge contract.
func (c *Chain) Bridge() common.Address { return c.bridge }

// Validator returns the address of the WalletProposalValidator contract.
func (c *Chain) Validator() common.Address { return c.validator }

// Height returns the height of the newest block.
func (c *Chain) Height() chain.Height {
	return chain.Height(c.backend.eth.BlockChain().CurrentBlock().Number.Uint64())
}

// Header returns the header of a block of the canonical chain; chain.ErrNotFound if there is none yet.
func (c *Chain) Header(height chain.Height) (chain.Header, error) {
	header := c.backend.eth.BlockChain().GetHeaderByNumber(uint64(height))
	if header == nil {
		return chain.Header{}, fmt.Errorf("%w: %d", chain.ErrNotFound, height)
	}
	return fromGeth(header), nil
}

func fromGeth(header *types.Header) chain.Header {
	return chain.Header{
		Height: chain.Height(header.Number.Uint64()),
		Hash:   chain.Hash(header.Hash()),
		Parent: chain.Hash(header.ParentHash),
		Time:   time.Unix(int64(header.Time), 0), //nolint:gosec // our own blocks
	}
}

// Until blocks until the chain has reached a height, or ctx ends.
func (c *Chain) Until(ctx context.Context, height chain.Height) error {
	for {
		next := c.nextBlock()
		if c.Height() >= height {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nextBlock returns a channel that is closed at the next block. Take it before looking at the chain.
func (c *Chain) nextBlock() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mined
}

// take takes the turn; give returns it.
func (c *Chain) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Chain) give() { <-c.turn }
