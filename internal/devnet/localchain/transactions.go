package localchain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/devnet/contracts"
)

// deployTimeout bounds the deployment in New: two blocks made at once, so only a broken chain reaches it.
const deployTimeout = 30 * time.Second

// bridgeABI packs the calls of the Bridge; it is never changed.
var bridgeABI = contracts.NewBridge()

// deploy puts the contracts on the chain, the validator after the Bridge that it reads.
func (c *Chain) deploy(ctx context.Context) (err error) {
	create := func(meta *bind.MetaData, arguments []byte) (common.Address, error) {
		var address common.Address
		err := c.transact(ctx, func(opts *bind.TransactOpts) (tx *types.Transaction, err error) {
			address, tx, err = bind.DeployContract(opts, common.FromHex(meta.Bin), c.backend.client, arguments)
			return tx, err
		})
		return address, err
	}
	if c.bridge, err = create(&contracts.BridgeMetaData, nil); err != nil {
		return err
	}
	c.validator, err = create(&contracts.WalletProposalValidatorMetaData,
		contracts.NewWalletProposalValidator().PackConstructor(c.bridge))
	return err
}

// RegisterWallet makes a wallet known to the Bridge, in state Live.
func (c *Chain) RegisterWallet(ctx context.Context, wallet chain.WalletID) error {
	var ecdsaID [32]byte
	copy(ecdsaID[:], wallet[:]) // nothing of ours reads it; distinct wallets have distinct ones
	return c.callBridge(ctx, "register wallet", bridgeABI.PackRegisterWallet(ecdsaID, wallet))
}

// SetWalletState moves a registered wallet to another state.
func (c *Chain) SetWalletState(ctx context.Context, wallet chain.WalletID, state chain.WalletState) error {
	return c.callBridge(ctx, "set wallet state", bridgeABI.PackSetWalletState(wallet, uint8(state)))
}

// RequestRedemption asks for a payment of amount satoshi out of a wallet to an output script, given without length
// prefix and shorter than 253 bytes. A proposal may hold the request once it is 600 s old in chain time: an idle
// stretch passes that by itself, AdvanceTime otherwise.
func (c *Chain) RequestRedemption(ctx context.Context, wallet chain.WalletID, script []byte, amount uint64) error {
	prefixed, err := withLength(script)
	if err != nil {
		return err
	}
	return c.callBridge(ctx, "request redemption",
		bridgeABI.PackRequestRedemption(wallet, contracts.Utxo{}, prefixed, amount))
}

// CompleteRedemptions closes pending requests, as the proof of a Bitcoin transaction that paid them does.
func (c *Chain) CompleteRedemptions(ctx context.Context, wallet chain.WalletID, scripts [][]byte, txHash [32]byte) error {
	prefixed, err := withLengths(scripts)
	if err != nil {
		return err
	}
	return c.callBridge(ctx, "complete redemptions", bridgeABI.PackCompleteRedemptions(wallet, prefixed, txHash))
}

// SetMainUTXO gives a registered wallet its main UTXO, as the proof of a deposit sweep would; the zero value takes it away.
func (c *Chain) SetMainUTXO(ctx context.Context, wallet chain.WalletID, main chain.UTXO) error {
	return c.callBridge(ctx, "set main utxo", bridgeABI.PackSetMainUtxo(wallet, pack(main)))
}

// SettleRedemptions closes pending requests, as the proof of the Bitcoin transaction does that paid them out of the main
// UTXO. change, an output of that transaction, becomes the wallet's main UTXO; the zero value leaves it without one.
func (c *Chain) SettleRedemptions(
	ctx context.Context, wallet chain.WalletID, scripts [][]byte, txHash [32]byte, change chain.UTXO,
) error {
	prefixed, err := withLengths(scripts)
	if err != nil {
		return err
	}
	return c.callBridge(ctx, "settle redemptions", bridgeABI.PackSettleRedemptions(wallet, prefixed, txHash, pack(change)))
}

func pack(u chain.UTXO) contracts.Utxo {
	return contracts.Utxo{TxHash: u.TxHash, TxOutputIndex: u.Index, TxOutputValue: u.Value}
}

// TimeOutRedemption closes a pending request as timed out, whatever its age.
func (c *Chain) TimeOutRedemption(ctx context.Context, wallet chain.WalletID, script []byte) error {
	prefixed, err := withLength(script)
	if err != nil {
		return err
	}
	return c.callBridge(ctx, "time out redemption", bridgeABI.PackNotifyRedemptionTimeout(wallet, prefixed))
}

// AddMovedFunds makes an output of another wallet's moving funds transaction wait to be swept by this wallet.
// txHash is in internal byte order, value in satoshi.
func (c *Chain) AddMovedFunds(ctx context.Context, wallet chain.WalletID, txHash [32]byte, index uint32, value uint64) error {
	return c.callBridge(ctx, "add moved funds", bridgeABI.PackAddMovedFunds(wallet, txHash, index, value))
}

func withLength(script []byte) ([]byte, error) {
	if len(script) == 0 || len(script) >= 0xfd {
		return nil, fmt.Errorf("output script of %d bytes: want 1 to 252", len(script))
	}
	return slices.Concat([]byte{byte(len(script))}, script), nil
}

func withLengths(scripts [][]byte) ([][]byte, error) {
	prefixed := make([][]byte, len(scripts))
	for i, script := range scripts {
		var err error
		if prefixed[i], err = withLength(script); err != nil {
			return nil, err
		}
	}
	return prefixed, nil
}

// callBridge sends a transaction to the Bridge and waits for it.
func (c *Chain) callBridge(ctx context.Context, action string, input []byte) error {
	err := c.transact(ctx, func(opts *bind.TransactOpts) (*types.Transaction, error) {
		return bind.Transact(bridgeABI.Instance(c.backend.client, c.bridge), opts, input)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	return nil
}

// transact sends a transaction of the devnet account and waits for its block. While Run makes blocks it waits for
// one of those; otherwise it makes the block itself. A call that would revert fails before it is sent, with the
// contract's reason.
func (c *Chain) transact(ctx context.Context, send func(*bind.TransactOpts) (*types.Transaction, error)) error {
	tx, since, err := c.sendInTurn(ctx, send)
	if err != nil {
		return err
	}
	for height := since + 1; ; height++ {
		if err := c.Until(ctx, height); err != nil {
			return fmt.Errorf("wait for transaction: %w", err)
		}
		receipt := c.receipt(height, tx.Hash())
		switch {
		case receipt == nil: // not in this block
		case receipt.Status == types.ReceiptStatusSuccessful:
			return nil
		default:
			return errors.New("transaction reverted")
		}
	}
}

// receipt returns the receipt of a transaction if the block at a height holds it, else nil. It reads the chain
// directly: the node's own look-up by hash lags behind the blocks by an index.
func (c *Chain) receipt(height chain.Height, tx common.Hash) *types.Receipt {
	blocks := c.backend.eth.BlockChain()
	block := blocks.GetBlockByNumber(uint64(height))
	if block == nil || block.Transaction(tx) == nil {
		return nil
	}
	for _, receipt := range blocks.GetReceiptsByHash(block.Hash()) {
		if receipt.TxHash == tx {
			return receipt
		}
	}
	return nil
}

// sendInTurn sends while nobody else sends or mines, so that nonces do not collide. It returns the height below
// the block that the transaction can be in at the earliest.
func (c *Chain) sendInTurn(
	ctx context.Context, send func(*bind.TransactOpts) (*types.Transaction, error),
) (*types.Transaction, chain.Height, error) {
	if err := c.take(ctx); err != nil {
		return nil, 0, err
	}
	defer c.give()
	// The pool takes in blocks and transactions by and by, and tells the nonce of one that it has already until it has.
	if err := c.backend.eth.TxPool().Sync(); err != nil {
		return nil, 0, fmt.Errorf("wait for the pool: %w", err)
	}
	opts := bind.NewKeyedTransactor(c.key, big.NewInt(ChainID))
	opts.Context = ctx
	since := c.Height()
	tx, err := send(opts)
	if err != nil || c.running {
		return tx, since, err
	}
	return tx, since, c.mineInTurn()
}
