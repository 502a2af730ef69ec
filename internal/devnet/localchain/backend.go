package localchain

import (
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// backend is a go-ethereum node with simulated consensus. It is put together from the same parts as
// ethclient/simulated, whose Backend hides its node: the port that the system gave the WebSocket could not be
// read back from it, and choosing one beforehand races with everything else on the host.
type backend struct {
	node   *node.Node
	eth    *eth.Ethereum
	beacon *catalyst.SimulatedBeacon
	client *ethclient.Client
}

// startBackend starts a chain whose genesis block gives all the money to one account.
func startBackend(account common.Address) (_ *backend, err error) {
	stack, err := node.New(nodeConfig())
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stack.Close())
		}
	}()
	ethereum, err := eth.New(stack, chainConfig(account))
	if err != nil {
		return nil, err
	}
	putNothingAway(ethereum)
	stack.RegisterAPIs([]rpc.API{{
		Namespace: "eth",
		Service:   filters.NewFilterAPI(filters.NewFilterSystem(ethereum.APIBackend, filters.Config{})),
	}})
	if err := stack.Start(); err != nil {
		return nil, err
	}
	beacon, err := catalyst.NewSimulatedBeacon(0, common.Address{}, ethereum) // period 0: blocks on demand
	if err != nil {
		return nil, err
	}
	return &backend{node: stack, eth: ethereum, beacon: beacon, client: ethclient.NewClient(stack.Attach())}, nil
}

// nodeConfig is an in-memory node without peers, with a WebSocket on a loopback port that the system chooses.
func nodeConfig() *node.Config {
	config := node.DefaultConfig
	config.DataDir = ""
	config.P2P = p2p.Config{NoDiscovery: true}
	config.WSHost = "127.0.0.1"
	config.WSPort = 0
	config.WSModules = []string{"eth", "net", "web3"}
	config.WSOrigins = []string{"*"} // the endpoint is for this host's nodes, whatever origin they give
	return &config
}

// chainConfig is a chain with every fork active from the start. All states are kept, because a burst outruns
// the depth to which a pruned chain can still answer calls.
func chainConfig(account common.Address) *ethconfig.Config {
	alloc := core.SystemContractAllocs()
	alloc[account] = types.Account{Balance: new(big.Int).Lsh(big.NewInt(1), 128)} // wei; cannot be spent in a lifetime
	config := ethconfig.Defaults
	config.Genesis = &core.Genesis{
		Config:   params.AllDevChainProtocolChanges,
		GasLimit: ethconfig.Defaults.Miner.GasCeil,
		Alloc:    alloc,
	}
	config.SyncMode = ethconfig.FullSync
	config.StateScheme = rawdb.HashScheme
	config.NoPruning = true
	config.LogNoHistory = true // no log index: the chains are short
	config.TxPool.NoLocals = true
	// MiB; the defaults are for a whole Ethereum and would be reserved in part.
	config.DatabaseCache, config.TrieCleanCache, config.TrieDirtyCache, config.SnapshotCache = 16, 16, 16, 0
	return &config
}

// commit makes a block on top of the head. The beacon reports a failure in its log only, so the head tells.
func (b *backend) commit() error {
	before := b.eth.BlockChain().CurrentBlock()
	if after := b.beacon.Commit(); after == before.Hash() {
		return fmt.Errorf("no block could be made on top of block %v", before.Number)
	}
	return nil
}

// putNothingAway keeps every block where it was written. go-ethereum would, each minute, move those that are final into its store of old
// ones, from the first on, and for each of them it walks over everything that a database in memory holds, with whoever writes a block
// waiting: under the race detector that was a fifth of what a devnet cost. Without its receipts, of which it has none, it does not
// move the first block, and so no other. To take back what the beacon says of finality does not do: it says so again while it makes the
// next block, which in a burst is nearly always.
func putNothingAway(ethereum *eth.Ethereum) {
	rawdb.DeleteReceipts(ethereum.ChainDb(), ethereum.BlockChain().Genesis().Hash(), 0)
}

// close stops everything in the reverse order of its start.
func (b *backend) close() error {
	b.client.Close()
	var failures []error
	for _, stop := range slices.Backward([]func() error{b.node.Close, b.beacon.Stop}) {
		failures = append(failures, stop())
	}
	return errors.Join(failures...)
}
