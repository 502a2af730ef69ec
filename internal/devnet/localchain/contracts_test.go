package localchain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
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
}
