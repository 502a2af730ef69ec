package localchain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"
	"time"

	geth "github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/devnet/contracts"
)

// validator calls the devnet's validator directly: the kinds here are not yet among those the node asks about.
func validate(t *testing.T, c *Chain, input []byte) error {
	t.Helper()
	binding := contracts.NewWalletProposalValidator()
	agreed, err := bind.Call(binding.Instance(c.backend.client, c.validator), &bind.CallOpts{Context: t.Context()},
		input, binding.UnpackValidateDepositSweepProposal)
	if err == nil {
		require.True(t, agreed, "a refusal is a revert, never false")
	}
	return err
}

// fundingTx is a Bitcoin transaction with two outputs: of 5 satoshi and of the amount.
func fundingTx(amount uint64) contracts.TxInfo {
	outputs := []byte{2}
	outputs = binary.LittleEndian.AppendUint64(outputs, 5)
	outputs = append(outputs, 2, 0x51, 0x51)
	outputs = binary.LittleEndian.AppendUint64(outputs, amount)
	outputs = append(outputs, 1, 0x51)
	return contracts.TxInfo{Version: [4]byte{1}, InputVector: []byte{1, 2, 3}, OutputVector: outputs}
}

func hashOf(tx contracts.TxInfo) [32]byte {
	inner := sha256.Sum256(bytes.Join([][]byte{tx.Version[:], tx.InputVector, tx.OutputVector, tx.Locktime[:]}, nil))
	return sha256.Sum256(inner[:])
}

func TestDepositsAreRevealedAndSwept(t *testing.T) {
	c := start(t, Config{})
	ctx := t.Context()
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	now, err := c.Header(c.Height())
	require.NoError(t, err)

	var locktime [4]byte
	binary.LittleEndian.PutUint32(locktime[:], uint32(now.Time.Add(40*time.Hour).Unix()))
	reveal := func(amount uint64) error {
		return c.callBridge(ctx, "reveal deposit", bridgeABI.PackRevealDeposit(fundingTx(amount), contracts.DepositReveal{
			FundingOutputIndex: 1, WalletPubKeyHash: wallet, RefundLocktime: locktime,
		}))
	}
	require.ErrorContains(t, reveal(999_999), "Deposit amount too small")
	require.NoError(t, reveal(2_000_000))
	require.ErrorContains(t, reveal(2_000_000), "Deposit already revealed")

	tx := fundingTx(2_000_000)
	txHash := hashOf(tx)
	key := new(big.Int).SetBytes(crypto.Keccak256(txHash[:], []byte{0, 0, 0, 1}))
	deposit, err := bind.Call(bridgeABI.Instance(c.backend.client, c.bridge), nil, bridgeABI.PackDeposits(key), bridgeABI.UnpackDeposits)
	require.NoError(t, err)
	require.Equal(t, uint64(2_000_000), deposit.Amount)
	require.Equal(t, uint64(1000), deposit.TreasuryFee)

	sweep := func(fee int64, keys ...contracts.DepositKey) error {
		infos := make([]contracts.DepositExtraInfo, len(keys))
		for i := range infos {
			infos[i] = contracts.DepositExtraInfo{FundingTx: tx, WalletPubKeyHash: wallet, RefundLocktime: locktime}
		}
		return validate(t, c, contracts.NewWalletProposalValidator().PackValidateDepositSweepProposal(
			contracts.DepositSweepProposal{WalletPubKeyHash: wallet, DepositsKeys: keys, SweepTxFee: big.NewInt(fee)}, infos))
	}
	known := contracts.DepositKey{FundingTxHash: txHash, FundingOutputIndex: 1}
	require.ErrorContains(t, sweep(1), "Sweep below the min size")
	require.ErrorContains(t, sweep(1, make([]contracts.DepositKey, 21)...), "Sweep exceeds the max size")
	require.ErrorContains(t, sweep(0, known), "Proposed transaction fee cannot be zero")
	require.ErrorContains(t, sweep(100_001, known), "Proposed transaction fee is too high")
	require.ErrorContains(t, sweep(1, contracts.DepositKey{FundingTxHash: txHash}), "Deposit not revealed")
	require.ErrorContains(t, sweep(1, known), "Deposit min age not achieved yet")
	require.NoError(t, c.AdvanceTime(ctx, 2*time.Hour+time.Second))
	require.NoError(t, sweep(100_000, known))
	require.ErrorContains(t, sweep(1, known, known), "Duplicated deposit")
	require.NoError(t, c.AdvanceTime(ctx, 20*time.Hour))
	require.ErrorContains(t, sweep(1, known), "Deposit refund safety margin is not preserved")
}

func TestFundsMoveToTheCommittedWallets(t *testing.T) {
	c := start(t, Config{})
	ctx := t.Context()
	targets := [][20]byte{{1}, {2}}
	move := func(targets [][20]byte, fee int64) error {
		return validate(t, c, contracts.NewWalletProposalValidator().PackValidateMovingFundsProposal(
			contracts.MovingFundsProposal{WalletPubKeyHash: wallet, TargetWallets: targets, MovingFundsTxFee: big.NewInt(fee)},
			contracts.Utxo{}))
	}
	commit := func() error {
		return c.callBridge(ctx, "commit", bridgeABI.PackSubmitMovingFundsCommitment(wallet, contracts.Utxo{}, nil, new(big.Int), targets))
	}
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	require.ErrorContains(t, move(targets, 1), "Source wallet is not in MovingFunds state")
	require.ErrorContains(t, commit(), "Source wallet must be in MovingFunds state")
	require.NoError(t, c.SetWalletState(ctx, wallet, chain.WalletMovingFunds))
	require.ErrorContains(t, move(targets, 1), "Target wallets do not match target wallets commitment")
	require.NoError(t, commit())
	require.NoError(t, move(targets, 1))
	require.ErrorContains(t, move(targets[:1], 1), "Target wallets do not match target wallets commitment")
	require.ErrorContains(t, move(targets, 0), "Proposed transaction fee cannot be zero")
	require.ErrorContains(t, move(targets, 1_000_001), "Proposed transaction fee is too high")
}

// The next redemption is built on the change of the one before, so the Bridge must move both at once.
func TestASettledRedemptionMovesTheMainUTXO(t *testing.T) {
	c := start(t, Config{})
	client := dial(t, c)
	ctx := t.Context()
	hash := func() [32]byte {
		t.Helper()
		h, err := client.MainUTXOHash(ctx, wallet)
		require.NoError(t, err)
		return h
	}
	scripts := [][]byte{p2wpkh(2), p2wpkh(1)}
	funds := chain.UTXO{TxHash: [32]byte{1, 31: 9}, Index: 3, Value: 50_000_000}
	change := chain.UTXO{TxHash: [32]byte{2}, Value: 44_000_000}
	require.ErrorContains(t, c.SetMainUTXO(ctx, wallet, funds), "Wallet is not registered")
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	require.Zero(t, hash())
	for i := range byte(4) {
		require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(i), 2_000_000+uint64(i)))
	}
	require.ErrorContains(t, c.SettleRedemptions(ctx, wallet, scripts, [32]byte{2}, change), "No main UTXO for given wallet")
	require.NoError(t, c.SetMainUTXO(ctx, wallet, funds))
	require.Equal(t, funds.Hash(), hash())

	requests, err := client.RedemptionRequests(ctx, wallet, scripts)
	require.NoError(t, err)
	require.Len(t, requests, 2)
	require.Equal(t, p2wpkh(2), requests[0].Script)
	require.Equal(t, uint64(2_000_002), requests[0].RequestedAmount)
	require.Equal(t, uint64(1000), requests[0].TreasuryFee)
	require.Equal(t, uint64(2_000_001), requests[1].RequestedAmount)

	require.ErrorContains(t, c.SettleRedemptions(ctx, wallet, nil, [32]byte{2}, change), "No redemption request is paid")
	require.ErrorContains(t, c.SettleRedemptions(ctx, wallet, scripts, [32]byte{3}, change), "The change must be of the redemption transaction")
	require.ErrorContains(t, c.SettleRedemptions(ctx, wallet, [][]byte{p2wpkh(2), p2wpkh(8)}, [32]byte{2}, change), "does not exist")
	require.Equal(t, funds.Hash(), hash())
	require.NoError(t, c.SettleRedemptions(ctx, wallet, scripts, [32]byte{2}, change))
	require.Equal(t, change.Hash(), hash())
	require.ErrorContains(t, c.SettleRedemptions(ctx, wallet, scripts, [32]byte{2}, change), "does not exist")

	_, err = client.RedemptionRequests(ctx, wallet, [][]byte{p2wpkh(0), p2wpkh(1)})
	require.ErrorIs(t, err, chain.ErrNoRequest)
	pending, err := client.PendingRedemptions(ctx, wallet, 0)
	require.NoError(t, err)
	require.Len(t, pending, 2)
	require.Equal(t, p2wpkh(0), pending[0].Script)

	// Without change the wallet is left without a main UTXO, and pays nothing until it has one.
	require.NoError(t, c.SettleRedemptions(ctx, wallet, [][]byte{p2wpkh(0)}, [32]byte{4}, chain.UTXO{}))
	require.Zero(t, hash())
	require.ErrorContains(t, c.SettleRedemptions(ctx, wallet, [][]byte{p2wpkh(3)}, [32]byte{5}, change), "No main UTXO for given wallet")
}

// The completed event is what tells an observer which transaction paid.
func TestASettledRedemptionIsAnnounced(t *testing.T) {
	c := start(t, Config{})
	ctx := t.Context()
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	require.NoError(t, c.SetMainUTXO(ctx, wallet, chain.UTXO{TxHash: [32]byte{1}, Value: 5_000_000}))
	require.NoError(t, c.RequestRedemption(ctx, wallet, p2wpkh(1), 2_000_000))
	require.NoError(t, c.SettleRedemptions(ctx, wallet, [][]byte{p2wpkh(1)}, [32]byte{7}, chain.UTXO{}))
	logs, err := c.backend.client.FilterLogs(ctx, geth.FilterQuery{
		Addresses: []common.Address{c.bridge},
		Topics:    [][]common.Hash{{bridgeABI.GetABI().Events["RedemptionsCompleted"].ID}},
	})
	require.NoError(t, err)
	require.Len(t, logs, 1)
	event, err := bridgeABI.UnpackRedemptionsCompletedEvent(&logs[0])
	require.NoError(t, err)
	require.Equal(t, [32]byte{7}, event.RedemptionTxHash)
	require.Equal(t, [20]byte(wallet), event.WalletPubKeyHash)
}

func TestOnlyTheDevnetPlaysTheProtocol(t *testing.T) {
	c := start(t, Config{})
	require.NoError(t, c.RegisterWallet(t.Context(), wallet))
	require.ErrorContains(t, c.RegisterWallet(t.Context(), wallet), "Wallet already registered")
	require.ErrorContains(t, c.SetWalletState(t.Context(), chain.WalletID{1}, chain.WalletLive), "Wallet is not registered")
	require.ErrorContains(t, c.RequestRedemption(t.Context(), chain.WalletID{1}, p2wpkh(1), 2_000_000), "Wallet must be in Live state")
	require.ErrorContains(t, c.TimeOutRedemption(t.Context(), wallet, p2wpkh(1)), "Redemption request does not exist")
	require.ErrorContains(t, c.RequestRedemption(t.Context(), wallet, nil, 2_000_000), "output script of 0 bytes")

	_, err := bind.Call(bridgeABI.Instance(c.backend.client, c.bridge), &bind.CallOpts{From: [20]byte{1}},
		bridgeABI.PackRegisterWallet([32]byte{}, [20]byte{5}), func([]byte) (struct{}, error) { return struct{}{}, nil })
	require.ErrorContains(t, err, "Caller is not the devnet")
	for _, input := range [][]byte{
		bridgeABI.PackSetMainUtxo(wallet, contracts.Utxo{TxOutputValue: 1}),
		bridgeABI.PackSettleRedemptions(wallet, [][]byte{{1, 0x51}}, [32]byte{}, contracts.Utxo{}),
	} {
		_, err := bind.Call(bridgeABI.Instance(c.backend.client, c.bridge), &bind.CallOpts{From: [20]byte{1}},
			input, func([]byte) (struct{}, error) { return struct{}{}, nil })
		require.ErrorContains(t, err, "Caller is not the devnet")
	}
}
