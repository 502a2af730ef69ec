// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package contracts

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// DepositExtraInfo is an auto generated low-level Go binding around an user-defined struct.
type DepositExtraInfo struct {
	FundingTx        TxInfo
	BlindingFactor   [8]byte
	WalletPubKeyHash [20]byte
	RefundPubKeyHash [20]byte
	RefundLocktime   [4]byte
}

// DepositKey is an auto generated low-level Go binding around an user-defined struct.
type DepositKey struct {
	FundingTxHash      [32]byte
	FundingOutputIndex uint32
}

// DepositRequest is an auto generated low-level Go binding around an user-defined struct.
type DepositRequest struct {
	Depositor   common.Address
	Amount      uint64
	RevealedAt  uint32
	Vault       common.Address
	TreasuryFee uint64
	SweptAt     uint32
	ExtraData   [32]byte
}

// DepositReveal is an auto generated low-level Go binding around an user-defined struct.
type DepositReveal struct {
	FundingOutputIndex uint32
	BlindingFactor     [8]byte
	WalletPubKeyHash   [20]byte
	RefundPubKeyHash   [20]byte
	RefundLocktime     [4]byte
	Vault              common.Address
}

// DepositSweepProposal is an auto generated low-level Go binding around an user-defined struct.
type DepositSweepProposal struct {
	WalletPubKeyHash     [20]byte
	DepositsKeys         []DepositKey
	SweepTxFee           *big.Int
	DepositsRevealBlocks []*big.Int
}

// HeartbeatProposal is an auto generated low-level Go binding around an user-defined struct.
type HeartbeatProposal struct {
	WalletPubKeyHash [20]byte
	Message          []byte
}

// MovedFundsSweepProposal is an auto generated low-level Go binding around an user-defined struct.
type MovedFundsSweepProposal struct {
	WalletPubKeyHash         [20]byte
	MovingFundsTxHash        [32]byte
	MovingFundsTxOutputIndex uint32
	MovedFundsSweepTxFee     *big.Int
}

// MovedFundsSweepRequest is an auto generated low-level Go binding around an user-defined struct.
type MovedFundsSweepRequest struct {
	WalletPubKeyHash [20]byte
	Value            uint64
	CreatedAt        uint32
	State            uint8
}

// MovingFundsProposal is an auto generated low-level Go binding around an user-defined struct.
type MovingFundsProposal struct {
	WalletPubKeyHash [20]byte
	TargetWallets    [][20]byte
	MovingFundsTxFee *big.Int
}

// RedemptionProposal is an auto generated low-level Go binding around an user-defined struct.
type RedemptionProposal struct {
	WalletPubKeyHash       [20]byte
	RedeemersOutputScripts [][]byte
	RedemptionTxFee        *big.Int
}

// RedemptionRequest is an auto generated low-level Go binding around an user-defined struct.
type RedemptionRequest struct {
	Redeemer        common.Address
	RequestedAmount uint64
	TreasuryFee     uint64
	TxMaxFee        uint64
	RequestedAt     uint32
}

// TxInfo is an auto generated low-level Go binding around an user-defined struct.
type TxInfo struct {
	Version      [4]byte
	InputVector  []byte
	OutputVector []byte
	Locktime     [4]byte
}

// Utxo is an auto generated low-level Go binding around an user-defined struct.
type Utxo struct {
	TxHash        [32]byte
	TxOutputIndex uint32
	TxOutputValue uint64
}

// Wallet is an auto generated low-level Go binding around an user-defined struct.
type Wallet struct {
	EcdsaWalletID                          [32]byte
	MainUtxoHash                           [32]byte
	PendingRedemptionsValue                uint64
	CreatedAt                              uint32
	MovingFundsRequestedAt                 uint32
	ClosingStartedAt                       uint32
	PendingMovedFundsSweepRequestsCount    uint32
	State                                  uint8
	MovingFundsTargetWalletsCommitmentHash [32]byte
}

// BridgeMetaData contains all meta data concerning the Bridge contract.
var BridgeMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"fundingTxHash\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"fundingOutputIndex\",\"type\":\"uint32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"depositor\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"amount\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes8\",\"name\":\"blindingFactor\",\"type\":\"bytes8\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes20\",\"name\":\"refundPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes4\",\"name\":\"refundLocktime\",\"type\":\"bytes4\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"vault\",\"type\":\"address\"}],\"name\":\"DepositRevealed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"sweepTxHash\",\"type\":\"bytes32\"}],\"name\":\"DepositsSwept\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes20[]\",\"name\":\"targetWallets\",\"type\":\"bytes20[]\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"submitter\",\"type\":\"address\"}],\"name\":\"MovingFundsCommitmentSubmitted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"movingFundsTxHash\",\"type\":\"bytes32\"}],\"name\":\"MovingFundsCompleted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"NewWalletRegistered\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"redeemer\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"requestedAmount\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"treasuryFee\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"txMaxFee\",\"type\":\"uint64\"}],\"name\":\"RedemptionRequested\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"}],\"name\":\"RedemptionTimedOut\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"redemptionTxHash\",\"type\":\"bytes32\"}],\"name\":\"RedemptionsCompleted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletClosed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletClosing\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletMovingFunds\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletTerminated\",\"type\":\"event\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes32\",\"name\":\"movingFundsTxHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"outputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"value\",\"type\":\"uint64\"}],\"name\":\"addMovedFunds\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"admin\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes[]\",\"name\":\"redeemersOutputScripts\",\"type\":\"bytes[]\"},{\"internalType\":\"bytes32\",\"name\":\"redemptionTxHash\",\"type\":\"bytes32\"}],\"name\":\"completeRedemptions\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"contractReferences\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"depositParameters\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"key\",\"type\":\"uint256\"}],\"name\":\"deposits\",\"outputs\":[{\"components\":[{\"internalType\":\"address\",\"name\":\"depositor\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"amount\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"revealedAt\",\"type\":\"uint32\"},{\"internalType\":\"address\",\"name\":\"vault\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"treasuryFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"sweptAt\",\"type\":\"uint32\"},{\"internalType\":\"bytes32\",\"name\":\"extraData\",\"type\":\"bytes32\"}],\"internalType\":\"structDepositRequest\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"getRedemptionWatchtower\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"liveWalletsCount\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"key\",\"type\":\"uint256\"}],\"name\":\"movedFundsSweepRequests\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"uint64\",\"name\":\"value\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"createdAt\",\"type\":\"uint32\"},{\"internalType\":\"uint8\",\"name\":\"state\",\"type\":\"uint8\"}],\"internalType\":\"structMovedFundsSweepRequest\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"movingFundsParameters\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"\",\"type\":\"uint16\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"}],\"name\":\"notifyRedemptionTimeout\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"key\",\"type\":\"uint256\"}],\"name\":\"pendingRedemptions\",\"outputs\":[{\"components\":[{\"internalType\":\"address\",\"name\":\"redeemer\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"requestedAmount\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"treasuryFee\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"txMaxFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"requestedAt\",\"type\":\"uint32\"}],\"internalType\":\"structRedemptionRequest\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"redemptionParameters\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"registerWallet\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"\",\"type\":\"tuple\"},{\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"},{\"internalType\":\"uint64\",\"name\":\"amount\",\"type\":\"uint64\"}],\"name\":\"requestRedemption\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes4\",\"name\":\"version\",\"type\":\"bytes4\"},{\"internalType\":\"bytes\",\"name\":\"inputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes\",\"name\":\"outputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes4\",\"name\":\"locktime\",\"type\":\"bytes4\"}],\"internalType\":\"structTxInfo\",\"name\":\"fundingTx\",\"type\":\"tuple\"},{\"components\":[{\"internalType\":\"uint32\",\"name\":\"fundingOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"bytes8\",\"name\":\"blindingFactor\",\"type\":\"bytes8\"},{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes20\",\"name\":\"refundPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes4\",\"name\":\"refundLocktime\",\"type\":\"bytes4\"},{\"internalType\":\"address\",\"name\":\"vault\",\"type\":\"address\"}],\"internalType\":\"structDepositReveal\",\"name\":\"reveal\",\"type\":\"tuple\"}],\"name\":\"revealDeposit\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"mainUtxo\",\"type\":\"tuple\"}],\"name\":\"setMainUtxo\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"uint8\",\"name\":\"state\",\"type\":\"uint8\"}],\"name\":\"setWalletState\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes[]\",\"name\":\"redeemersOutputScripts\",\"type\":\"bytes[]\"},{\"internalType\":\"bytes32\",\"name\":\"redemptionTxHash\",\"type\":\"bytes32\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"newMainUtxo\",\"type\":\"tuple\"}],\"name\":\"settleRedemptions\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"\",\"type\":\"tuple\"},{\"internalType\":\"uint32[]\",\"name\":\"\",\"type\":\"uint32[]\"},{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"},{\"internalType\":\"bytes20[]\",\"name\":\"targetWallets\",\"type\":\"bytes20[]\"}],\"name\":\"submitMovingFundsCommitment\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"walletParameters\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"wallets\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"mainUtxoHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"pendingRedemptionsValue\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"createdAt\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsRequestedAt\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"closingStartedAt\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"pendingMovedFundsSweepRequestsCount\",\"type\":\"uint32\"},{\"internalType\":\"uint8\",\"name\":\"state\",\"type\":\"uint8\"},{\"internalType\":\"bytes32\",\"name\":\"movingFundsTargetWalletsCommitmentHash\",\"type\":\"bytes32\"}],\"internalType\":\"structWallet\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"}]",
	ID:  "Bridge",
	Bin: "0x60a060405234801561001057600080fd5b503360805260805161293661006160003960008181610793015281816107d301528181610afb01528181610c6b01528181610d0701528181610e7e015281816110b1015261117f01526129366000f3fe608060405234801561001057600080fd5b50600436106101425760003560e01c8063abaeed8f116100b8578063d61e99431161007c578063d61e994314610575578063d6eccdf014610588578063e65e19d51461059b578063f18cf1b1146106a6578063f851a4401461078e578063fca4ba4c146107b557600080fd5b8063abaeed8f146103ce578063b02c43d0146103e1578063be05abe3146104c0578063c42b64d014610534578063cdb2e8711461056257600080fd5b806361ccf97a1161010a57806361ccf97a146102d357806367f27247146103225780636e70ce41146103355780637343d50b14610382578063a37a7b1714610395578063a9de2f3a146103a857600080fd5b806303d952f7146101475780632055589c1461026b57806324028c11146102805780633a05b014146102a55780635f3281ca146102b8575b600080fd5b6101f7610155366004611f52565b6040805160a08101825260008082526020820181905291810182905260608101829052608081019190915250600090815260026020908152604091829020825160a08101845281546001600160a01b0381168252600160a01b90046001600160401b039081169382019390935260019091015480831693820193909352600160401b83049091166060820152600160801b90910463ffffffff16608082015290565b6040516102629190600060a08201905060018060a01b0383511682526001600160401b0360208401511660208301526001600160401b0360408401511660408301526001600160401b03606084015116606083015263ffffffff608084015116608083015292915050565b60405180910390f35b61027e610279366004611f88565b6107c8565b005b6000546102909063ffffffff1681565b60405163ffffffff9091168152602001610262565b61027e6102b3366004611ff0565b610af0565b60005b6040516001600160a01b039091168152602001610262565b6040805162093a8081526305f5e10060208201526402540be400918101919091526302faf080606082015262eff1006080820152633b9aca0060a08201526234bc0060c082015260e001610262565b61027e610330366004612085565b610c60565b60408051620f42408082526107d06020830152620186a092820192909252606081019190915262069780608082015268056bc75e2d6310000060a0820152606460c082015260e001610262565b61027e6103903660046120d7565b610cfc565b61027e6103a336600461211b565b610e73565b604080516000808252602082018190529181018290526060810191909152608001610262565b61027e6103dc36600461218a565b610f37565b6104b36103ef366004611f52565b6040805160e081018252600080825260208201819052918101829052606081018290526080810182905260a0810182905260c081019190915250600090815260036020908152604091829020825160e08101845281546001600160a01b0380821683526001600160401b03600160a01b80840482169685019690965263ffffffff600160e01b9384900481169785019790975260018501549182166060850152948104909416608083015290920490921660a082015260029091015460c082015290565b6040516102629190612229565b60408051620f4240815262030d4060208201526207e9009181019190915262409980606082015268056bc75e2d6310000060808201819052606460a08301819052613a9860c0840152620186a060e084015262093a8061010084015261012083019190915261014082015261016001610262565b60408051620f424081526107d06020820152620186a0918101919091526213c6806060820152608001610262565b61027e6105703660046122ab565b6110a6565b61027e610583366004612304565b611174565b61027e610596366004612372565b611377565b6106996105a93660046123dc565b6040805161012081018252600080825260208201819052918101829052606081018290526080810182905260a0810182905260c0810182905260e08101829052610100810191909152506001600160601b03191660009081526001602081815260409283902083516101208101855281548152928101549183019190915260028101546001600160401b03811693830193909352600160401b830463ffffffff9081166060840152600160601b840481166080840152600160801b8404811660a0840152600160a01b84041660c0830152600160c01b90920460ff1660e082015260039091015461010082015290565b60405161026291906123f7565b61073f6106b4366004611f52565b6040805160808101825260008082526020820181905291810182905260608101919091525060009081526004602090815260409182902082516080810184528154606081811b6001600160601b0319168352600160a01b82046001600160401b031694830194909452600160e01b900463ffffffff16938101939093526001015460ff169082015290565b604051610262919081516001600160601b03191681526020808301516001600160401b03169082015260408083015163ffffffff169082015260609182015160ff169181019190915260800190565b6102bb7f000000000000000000000000000000000000000000000000000000000000000081565b61027e6107c336600461249d565b6116e1565b336001600160a01b037f000000000000000000000000000000000000000000000000000000000000000016146108195760405162461bcd60e51b8152600401610810906124fb565b60405180910390fd5b6001600160601b0319821660009081526001602052604090206002810154600160c01b900460ff166108885760405162461bcd60e51b815260206004820152601860248201527715d85b1b195d081a5cc81b9bdd081c9959da5cdd195c995960421b6044820152606401610810565b60ff82161580159061089e5750600560ff831611155b6108e15760405162461bcd60e51b81526020600482015260146024820152734e6f20737563682077616c6c657420737461746560601b6044820152606401610810565b6002810154600019600160c01b90910460ff160161092e576000805463ffffffff16908061090e83612548565b91906101000a81548163ffffffff021916908363ffffffff160217905550505b60001960ff83160161096f576000805463ffffffff16908061094f83612568565b91906101000a81548163ffffffff021916908363ffffffff160217905550505b60028101805460ff60c01b1916600160c01b60ff851690810291909117909155600119016109f45760028101805463ffffffff60601b1916600160601b4263ffffffff160217905580546040516001600160601b0319851691907fbdc9ce990a067e5fd3a5d8dfc68e27e9f221aaa3fe55265e0b7e93c460b3efe290600090a3505050565b60021960ff831601610a5d5760028101805463ffffffff60801b1916600160801b4263ffffffff160217905580546040516001600160601b0319851691907f68cb496f5e64383745876664ef119840f154a729c03ba866b8aecb5c9f53d51690600090a3505050565b60031960ff831601610aa65780546040516001600160601b0319851691907f47b159947c3066cb253f60e8f046cfd747411788a545cb189679e3fa1467b28d90600090a3505050565b60041960ff831601610aeb5780546040516001600160601b0319851691907f9272a280b0f32f70b00ad0b546499c68e3ecc6f7bb7ef43491ec5d7b99bf69ef90600090a35b505050565b336001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001614610b385760405162461bcd60e51b8152600401610810906124fb565b600060046000610b488686611a35565b815260208101919091526040016000208054909150600160e01b900463ffffffff1615610bb75760405162461bcd60e51b815260206004820152601960248201527f4d6f7665642066756e647320616c7265616479206b6e6f776e000000000000006044820152606401610810565b805463ffffffff428116600160e01b026001600160e01b036001600160401b038616600160a01b9081026001600160e01b031990951660608b901c1794909417161783556001808401805460ff1916821790556001600160601b0319881660009081526020919091526040902060020180549290920416906014610c3a83612568565b91906101000a81548163ffffffff021916908363ffffffff160217905550505050505050565b336001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001614610ca85760405162461bcd60e51b8152600401610810906124fb565b610cb3838383611a82565b826001600160601b0319167f013dddc8debc4730cd01232fdcea9ae6013689837732356c187fe5edb9a8a8d58383604051610cef9291906125b6565b60405180910390a2505050565b336001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001614610d445760405162461bcd60e51b8152600401610810906124fb565b6001600160601b0319811660009081526001602052604090206002810154600160c01b900460ff1615610db95760405162461bcd60e51b815260206004820152601960248201527f57616c6c657420616c72656164792072656769737465726564000000000000006044820152606401610810565b82815560028101805460ff60c01b1963ffffffff428116600160401b029190911678ff000000000000000000000000ffffffff00000000000000001990921691909117600160c01b17909155600080549091169080610e1783612568565b91906101000a81548163ffffffff021916908363ffffffff16021790555050816001600160601b031916837f2dbb47dce81d6b11cca1f1e3b10143d6f7e1e7e92d2dd9aacbb1f875379d308e60405160405180910390a3505050565b336001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001614610ebb5760405162461bcd60e51b8152600401610810906124fb565b6001600160601b03198216600090815260016020526040902060020154600160c01b900460ff16610f295760405162461bcd60e51b815260206004820152601860248201527715d85b1b195d081a5cc81b9bdd081c9959da5cdd195c995960421b6044820152606401610810565b610f338282611bba565b5050565b6001600160601b031987166000908152600160205260409020600280820154600160c01b900460ff1614610fc05760405162461bcd60e51b815260206004820152602a60248201527f536f757263652077616c6c6574206d75737420626520696e204d6f76696e6746604482015269756e647320737461746560b01b6064820152608401610810565b6003810154156110265760405162461bcd60e51b815260206004820152602b60248201527f5461726765742077616c6c65747320636f6d6d69746d656e7420616c7265616460448201526a1e481cdd589b5a5d1d195960aa1b6064820152608401610810565b82826040516020016110399291906125d2565b60408051601f1981840301815290829052805160209091012060038301556001600160601b03198916907ffcab32b1dc365ef82ae9df4be019512ca536c191bd68f523b9f33d0c070e8d4a9061109490869086903390612613565b60405180910390a25050505050505050565b336001600160a01b037f000000000000000000000000000000000000000000000000000000000000000016146110ee5760405162461bcd60e51b8152600401610810906124fb565b60005b8281101561112e576111268585858481811061110f5761110f612675565b9050602002810190611121919061268b565b611a82565b6001016110f1565b506040518181526001600160601b03198516907fa45596c10f758d32ec8cca64a0fbfe776052b08fdb3f026e0a87f52118bf8fbe9060200160405180910390a250505050565b336001600160a01b037f000000000000000000000000000000000000000000000000000000000000000016146111bc5760405162461bcd60e51b8152600401610810906124fb565b6001600160601b03198516600090815260016020819052604090912001546112265760405162461bcd60e51b815260206004820152601d60248201527f4e6f206d61696e205554584f20666f7220676976656e2077616c6c65740000006044820152606401610810565b826112735760405162461bcd60e51b815260206004820152601d60248201527f4e6f20726564656d7074696f6e207265717565737420697320706169640000006044820152606401610810565b61128360608201604083016126d1565b6001600160401b031615806112985750803582145b6112fd5760405162461bcd60e51b815260206004820152603060248201527f546865206368616e6765206d757374206265206f662074686520726564656d7060448201526f3a34b7b7103a3930b739b0b1ba34b7b760811b6064820152608401610810565b60005b838110156113265761131e8686868481811061110f5761110f612675565b600101611300565b506113318582611bba565b6040518281526001600160601b03198616907fa45596c10f758d32ec8cca64a0fbfe776052b08fdb3f026e0a87f52118bf8fbe9060200160405180910390a25050505050565b6001600160601b03198516600090815260016020819052604090912060028101549091600160c01b90910460ff16146113f25760405162461bcd60e51b815260206004820152601c60248201527f57616c6c6574206d75737420626520696e204c697665207374617465000000006044820152606401610810565b60018311801561142d57506114086001846126ec565b8484600081811061141b5761141b612675565b9050013560f81c60f81b60f81c60ff16145b61148e5760405162461bcd60e51b815260206004820152602c60248201527f52656465656d6572206f757470757420736372697074206d757374206361727260448201526b0f240d2e8e640d8cadccee8d60a31b6064820152608401610810565b620f42406001600160401b03831610156114ea5760405162461bcd60e51b815260206004820152601b60248201527f526564656d7074696f6e20616d6f756e7420746f6f20736d616c6c00000000006044820152606401610810565b6000600260006114fb898888611c7a565b815260208101919091526040016000206001810154909150600160801b900463ffffffff16156115a65760405162461bcd60e51b815260206004820152604a60248201527f546865726520697320612070656e64696e6720726564656d7074696f6e20726560448201527f71756573742066726f6d20746869732077616c6c657420746f207468652073616064820152696d65206164647265737360b01b608482015260a401610810565b60006115b46107d0856126ff565b82546001600160e01b0319163367ffffffffffffffff60a01b191617600160a01b6001600160401b03878116919091029190911784556001840180549183166fffffffffffffffffffffffffffffffff19909216919091176a0186a000000000000000001763ffffffff60801b1916600160801b4263ffffffff1602179055905061163f818561273b565b60028401805460009061165c9084906001600160401b031661275a565b92506101000a8154816001600160401b0302191690836001600160401b03160217905550336001600160a01b0316886001600160601b0319167f97a0199072f487232635d50ab75860891afe0b91c976ed2fc76502c4d82d0d9588888886620186a06040516116cf959493929190612779565b60405180910390a35050505050505050565b60018060006116f660608501604086016123dc565b6001600160601b0319168152602081019190915260400160002060020154600160c01b900460ff161461176b5760405162461bcd60e51b815260206004820152601c60248201527f57616c6c6574206d75737420626520696e204c697665207374617465000000006044820152606401610810565b600061178f61177d604085018561268b565b61178a60208601866127b7565b611ccd565b9050620f42406001600160401b03821610156117ed5760405162461bcd60e51b815260206004820152601860248201527f4465706f73697420616d6f756e7420746f6f20736d616c6c00000000000000006044820152606401610810565b60006117f884611e2e565b905060006003816118158461181060208901896127b7565b611a35565b815260208101919091526040016000208054909150600160e01b900463ffffffff16156118845760405162461bcd60e51b815260206004820152601860248201527f4465706f73697420616c72656164792072657665616c656400000000000000006044820152606401610810565b80546001600160e01b0319163367ffffffffffffffff60a01b191617600160a01b6001600160401b03851602176001600160e01b0316600160e01b4263ffffffff16021781556118da60c0850160a086016127d2565b6001820180546001600160a01b0319166001600160a01b03929092169190911790556119086107d0846126ff565b6001820180546001600160401b0392909216600160a01b0267ffffffffffffffff60a01b1990921691909117905561194660608501604086016123dc565b6001600160601b031916337fa7382159a693ed317a024daf0fd1ba30805cdf9928ee09550af517c516e2ef058461198060208901896127b7565b8761199160408b0160208c016127fb565b6119a160808c0160608d016123dc565b6119b160a08d0160808e01612825565b6119c160c08e0160a08f016127d2565b6040805197885263ffffffff9690961660208801526001600160401b0394909416868601526001600160c01b03199290921660608601526001600160601b03191660808501526001600160e01b03191660a08401526001600160a01b031660c0830152519081900360e00190a35050505050565b60008282604051602001611a6092919091825260e01b6001600160e01b031916602082015260240190565b6040516020818303038152906040528051906020012060001c90505b92915050565b6000611a8f848484611c7a565b6000818152600260205260408120600181015492935091600160801b900463ffffffff169003611b0b5760405162461bcd60e51b815260206004820152602160248201527f526564656d7074696f6e207265717565737420646f6573206e6f7420657869736044820152601d60fa1b6064820152608401610810565b60018101548154611b2f916001600160401b0390811691600160a01b90041661273b565b6001600160601b0319861660009081526001602052604081206002018054909190611b649084906001600160401b031661273b565b82546001600160401b039182166101009390930a92830291909202199091161790555050600090815260026020526040902080546001600160e01b031916815560010180546001600160a01b0319169055505050565b611bca60608201604083016126d1565b6001600160401b031615611c52578035611bea60408301602084016127b7565b611bfa60608401604085016126d1565b604051602001611c379392919092835260e09190911b6001600160e01b031916602083015260c01b6001600160c01b0319166024820152602c0190565b60405160208183030381529060405280519060200120611c55565b60005b6001600160601b03199092166000908152600160208190526040909120019190915550565b60008282604051611c8c92919061284f565b6040805191829003822060208301526001600160601b031986169082015260540160408051601f198184030181529190528051602090910120949350505050565b60008215801590611cff575083836000818110611cec57611cec612675565b919091013560f81c63ffffffff84161090505b8015611d2d575060fd84846000818110611d1b57611d1b612675565b9050013560f81c60f81b60f81c60ff16105b611d725760405162461bcd60e51b8152602060048201526016602482015275139bc81cdd58da08199d5b991a5b99c81bdd5d1c1d5d60521b6044820152606401610810565b600160005b8363ffffffff168163ffffffff161015611dd0578585611d9884600861285f565b818110611da757611da7612675565b611db992013560f81c90506009612872565b611dc69060ff168361285f565b9150600101611d77565b5060005b6008811015611e2557611de881600861288b565b6001600160401b03168686611dfd848661285f565b818110611e0c57611e0c612675565b919091013560f81c90911b939093179250600101611dd4565b50509392505050565b600080611e3e6020840184612825565b611e4b602085018561268b565b611e58604087018761268b565b611e686080890160608a01612825565b604051602001611e7d969594939291906128a2565b604051602081830303815290604052905060028082604051611e9f91906128ee565b602060405180830381855afa158015611ebc573d6000803e3d6000fd5b5050506040513d601f19601f82011682018060405250810190611edf919061291d565b604051602001611ef191815260200190565b60408051601f1981840301815290829052611f0b916128ee565b602060405180830381855afa158015611f28573d6000803e3d6000fd5b5050506040513d601f19601f82011682018060405250810190611f4b919061291d565b9392505050565b600060208284031215611f6457600080fd5b5035919050565b80356001600160601b031981168114611f8357600080fd5b919050565b60008060408385031215611f9b57600080fd5b611fa483611f6b565b9150602083013560ff81168114611fba57600080fd5b809150509250929050565b803563ffffffff81168114611f8357600080fd5b80356001600160401b0381168114611f8357600080fd5b6000806000806080858703121561200657600080fd5b61200f85611f6b565b93506020850135925061202460408601611fc5565b915061203260608601611fd9565b905092959194509250565b60008083601f84011261204f57600080fd5b5081356001600160401b0381111561206657600080fd5b60208301915083602082850101111561207e57600080fd5b9250929050565b60008060006040848603121561209a57600080fd5b6120a384611f6b565b925060208401356001600160401b038111156120be57600080fd5b6120ca8682870161203d565b9497909650939450505050565b600080604083850312156120ea57600080fd5b823591506120fa60208401611f6b565b90509250929050565b60006060828403121561211557600080fd5b50919050565b6000806080838503121561212e57600080fd5b61213783611f6b565b91506120fa8460208501612103565b60008083601f84011261215857600080fd5b5081356001600160401b0381111561216f57600080fd5b6020830191508360208260051b850101111561207e57600080fd5b600080600080600080600060e0888a0312156121a557600080fd5b6121ae88611f6b565b96506121bd8960208a01612103565b955060808801356001600160401b038111156121d857600080fd5b6121e48a828b01612146565b90965094505060a0880135925060c08801356001600160401b0381111561220a57600080fd5b6122168a828b01612146565b989b979a50959850939692959293505050565b600060e08201905060018060a01b0383511682526001600160401b03602084015116602083015263ffffffff604084015116604083015260018060a01b0360608401511660608301526001600160401b03608084015116608083015260a083015161229c60a084018263ffffffff169052565b5060c092830151919092015290565b600080600080606085870312156122c157600080fd5b6122ca85611f6b565b935060208501356001600160401b038111156122e557600080fd5b6122f187828801612146565b9598909750949560400135949350505050565b600080600080600060c0868803121561231c57600080fd5b61232586611f6b565b945060208601356001600160401b0381111561234057600080fd5b61234c88828901612146565b909550935050604086013591506123668760608801612103565b90509295509295909350565b600080600080600060c0868803121561238a57600080fd5b61239386611f6b565b94506123a28760208801612103565b935060808601356001600160401b038111156123bd57600080fd5b6123c98882890161203d565b9094509250612366905060a08701611fd9565b6000602082840312156123ee57600080fd5b611f4b82611f6b565b60006101208201905082518252602083015160208301526001600160401b03604084015116604083015263ffffffff60608401511660608301526080830151612448608084018263ffffffff169052565b5060a083015161246060a084018263ffffffff169052565b5060c083015161247860c084018263ffffffff169052565b5060e083015161248d60e084018260ff169052565b5061010092830151919092015290565b60008082840360e08112156124b157600080fd5b83356001600160401b038111156124c757600080fd5b8401608081870312156124d957600080fd5b925060c0601f19820112156124ed57600080fd5b506020830190509250929050565b60208082526018908201527f43616c6c6572206973206e6f7420746865206465766e65740000000000000000604082015260600190565b634e487b7160e01b600052601160045260246000fd5b600063ffffffff82168061255e5761255e612532565b6000190192915050565b600063ffffffff821663ffffffff810361258457612584612532565b60010192915050565b81835281816020850137506000828201602090810191909152601f909101601f19169091010190565b6020815260006125ca60208301848661258d565b949350505050565b60008184825b85811015612608576001600160601b03196125f283611f6b565b16835260209283019291909101906001016125d8565b509095945050505050565b6040808252810183905260008460608301825b86811015612655576001600160601b031961264084611f6b565b16825260209283019290910190600101612626565b506001600160a01b03949094166020939093019290925250909392505050565b634e487b7160e01b600052603260045260246000fd5b6000808335601e198436030181126126a257600080fd5b8301803591506001600160401b038211156126bc57600080fd5b60200191503681900382131561207e57600080fd5b6000602082840312156126e357600080fd5b611f4b82611fd9565b81810381811115611a7c57611a7c612532565b60006001600160401b0383168061272657634e487b7160e01b600052601260045260246000fd5b806001600160401b0384160491505092915050565b6001600160401b038281168282160390811115611a7c57611a7c612532565b6001600160401b038181168382160190811115611a7c57611a7c612532565b60808152600061278d60808301878961258d565b6001600160401b039586166020840152938516604083015250921660609092019190915292915050565b6000602082840312156127c957600080fd5b611f4b82611fc5565b6000602082840312156127e457600080fd5b81356001600160a01b0381168114611f4b57600080fd5b60006020828403121561280d57600080fd5b81356001600160c01b031981168114611f4b57600080fd5b60006020828403121561283757600080fd5b81356001600160e01b031981168114611f4b57600080fd5b8183823760009101908152919050565b80820180821115611a7c57611a7c612532565b60ff8181168382160190811115611a7c57611a7c612532565b8082028115828204841417611a7c57611a7c612532565b6001600160e01b031987168152848660048301376000858201600481016000815285878237506001600160e01b0319939093169290930160048101929092525060080195945050505050565b6000825160005b8181101561290f57602081860181015185830152016128f5565b506000920191825250919050565b60006020828403121561292f57600080fd5b505191905056",
}

// Bridge is an auto generated Go binding around an Ethereum contract.
type Bridge struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *Bridge) GetABI() abi.ABI {
	return c.abi
}

// NewBridge creates a new instance of Bridge.
func NewBridge() *Bridge {
	parsed, err := BridgeMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &Bridge{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *Bridge) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackAddMovedFunds is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3a05b014.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function addMovedFunds(bytes20 walletPubKeyHash, bytes32 movingFundsTxHash, uint32 outputIndex, uint64 value) returns()
func (bridge *Bridge) PackAddMovedFunds(walletPubKeyHash [20]byte, movingFundsTxHash [32]byte, outputIndex uint32, value uint64) []byte {
	enc, err := bridge.abi.Pack("addMovedFunds", walletPubKeyHash, movingFundsTxHash, outputIndex, value)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAddMovedFunds is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3a05b014.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function addMovedFunds(bytes20 walletPubKeyHash, bytes32 movingFundsTxHash, uint32 outputIndex, uint64 value) returns()
func (bridge *Bridge) TryPackAddMovedFunds(walletPubKeyHash [20]byte, movingFundsTxHash [32]byte, outputIndex uint32, value uint64) ([]byte, error) {
	return bridge.abi.Pack("addMovedFunds", walletPubKeyHash, movingFundsTxHash, outputIndex, value)
}

// PackAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf851a440.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function admin() view returns(address)
func (bridge *Bridge) PackAdmin() []byte {
	enc, err := bridge.abi.Pack("admin")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf851a440.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function admin() view returns(address)
func (bridge *Bridge) TryPackAdmin() ([]byte, error) {
	return bridge.abi.Pack("admin")
}

// UnpackAdmin is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf851a440.
//
// Solidity: function admin() view returns(address)
func (bridge *Bridge) UnpackAdmin(data []byte) (common.Address, error) {
	out, err := bridge.abi.Unpack("admin", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackCompleteRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcdb2e871.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function completeRedemptions(bytes20 walletPubKeyHash, bytes[] redeemersOutputScripts, bytes32 redemptionTxHash) returns()
func (bridge *Bridge) PackCompleteRedemptions(walletPubKeyHash [20]byte, redeemersOutputScripts [][]byte, redemptionTxHash [32]byte) []byte {
	enc, err := bridge.abi.Pack("completeRedemptions", walletPubKeyHash, redeemersOutputScripts, redemptionTxHash)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCompleteRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcdb2e871.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function completeRedemptions(bytes20 walletPubKeyHash, bytes[] redeemersOutputScripts, bytes32 redemptionTxHash) returns()
func (bridge *Bridge) TryPackCompleteRedemptions(walletPubKeyHash [20]byte, redeemersOutputScripts [][]byte, redemptionTxHash [32]byte) ([]byte, error) {
	return bridge.abi.Pack("completeRedemptions", walletPubKeyHash, redeemersOutputScripts, redemptionTxHash)
}

// PackContractReferences is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9de2f3a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function contractReferences() pure returns(address, address, address, address)
func (bridge *Bridge) PackContractReferences() []byte {
	enc, err := bridge.abi.Pack("contractReferences")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackContractReferences is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9de2f3a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function contractReferences() pure returns(address, address, address, address)
func (bridge *Bridge) TryPackContractReferences() ([]byte, error) {
	return bridge.abi.Pack("contractReferences")
}

// ContractReferencesOutput serves as a container for the return parameters of contract
// method ContractReferences.
type ContractReferencesOutput struct {
	Arg0 common.Address
	Arg1 common.Address
	Arg2 common.Address
	Arg3 common.Address
}

// UnpackContractReferences is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa9de2f3a.
//
// Solidity: function contractReferences() pure returns(address, address, address, address)
func (bridge *Bridge) UnpackContractReferences(data []byte) (ContractReferencesOutput, error) {
	out, err := bridge.abi.Unpack("contractReferences", data)
	outstruct := new(ContractReferencesOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Arg0 = *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	outstruct.Arg1 = *abi.ConvertType(out[1], new(common.Address)).(*common.Address)
	outstruct.Arg2 = *abi.ConvertType(out[2], new(common.Address)).(*common.Address)
	outstruct.Arg3 = *abi.ConvertType(out[3], new(common.Address)).(*common.Address)
	return *outstruct, nil
}

// PackDepositParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc42b64d0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositParameters() pure returns(uint64, uint64, uint64, uint32)
func (bridge *Bridge) PackDepositParameters() []byte {
	enc, err := bridge.abi.Pack("depositParameters")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDepositParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc42b64d0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function depositParameters() pure returns(uint64, uint64, uint64, uint32)
func (bridge *Bridge) TryPackDepositParameters() ([]byte, error) {
	return bridge.abi.Pack("depositParameters")
}

// DepositParametersOutput serves as a container for the return parameters of contract
// method DepositParameters.
type DepositParametersOutput struct {
	Arg0 uint64
	Arg1 uint64
	Arg2 uint64
	Arg3 uint32
}

// UnpackDepositParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc42b64d0.
//
// Solidity: function depositParameters() pure returns(uint64, uint64, uint64, uint32)
func (bridge *Bridge) UnpackDepositParameters(data []byte) (DepositParametersOutput, error) {
	out, err := bridge.abi.Unpack("depositParameters", data)
	outstruct := new(DepositParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Arg0 = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.Arg1 = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.Arg2 = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.Arg3 = *abi.ConvertType(out[3], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackDeposits is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb02c43d0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function deposits(uint256 key) view returns((address,uint64,uint32,address,uint64,uint32,bytes32))
func (bridge *Bridge) PackDeposits(key *big.Int) []byte {
	enc, err := bridge.abi.Pack("deposits", key)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDeposits is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb02c43d0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function deposits(uint256 key) view returns((address,uint64,uint32,address,uint64,uint32,bytes32))
func (bridge *Bridge) TryPackDeposits(key *big.Int) ([]byte, error) {
	return bridge.abi.Pack("deposits", key)
}

// UnpackDeposits is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb02c43d0.
//
// Solidity: function deposits(uint256 key) view returns((address,uint64,uint32,address,uint64,uint32,bytes32))
func (bridge *Bridge) UnpackDeposits(data []byte) (DepositRequest, error) {
	out, err := bridge.abi.Unpack("deposits", data)
	if err != nil {
		return *new(DepositRequest), err
	}
	out0 := *abi.ConvertType(out[0], new(DepositRequest)).(*DepositRequest)
	return out0, nil
}

// PackGetRedemptionWatchtower is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5f3281ca.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function getRedemptionWatchtower() pure returns(address)
func (bridge *Bridge) PackGetRedemptionWatchtower() []byte {
	enc, err := bridge.abi.Pack("getRedemptionWatchtower")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGetRedemptionWatchtower is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5f3281ca.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function getRedemptionWatchtower() pure returns(address)
func (bridge *Bridge) TryPackGetRedemptionWatchtower() ([]byte, error) {
	return bridge.abi.Pack("getRedemptionWatchtower")
}

// UnpackGetRedemptionWatchtower is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x5f3281ca.
//
// Solidity: function getRedemptionWatchtower() pure returns(address)
func (bridge *Bridge) UnpackGetRedemptionWatchtower(data []byte) (common.Address, error) {
	out, err := bridge.abi.Unpack("getRedemptionWatchtower", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackLiveWalletsCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x24028c11.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function liveWalletsCount() view returns(uint32)
func (bridge *Bridge) PackLiveWalletsCount() []byte {
	enc, err := bridge.abi.Pack("liveWalletsCount")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackLiveWalletsCount is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x24028c11.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function liveWalletsCount() view returns(uint32)
func (bridge *Bridge) TryPackLiveWalletsCount() ([]byte, error) {
	return bridge.abi.Pack("liveWalletsCount")
}

// UnpackLiveWalletsCount is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x24028c11.
//
// Solidity: function liveWalletsCount() view returns(uint32)
func (bridge *Bridge) UnpackLiveWalletsCount(data []byte) (uint32, error) {
	out, err := bridge.abi.Unpack("liveWalletsCount", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackMovedFundsSweepRequests is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf18cf1b1.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function movedFundsSweepRequests(uint256 key) view returns((bytes20,uint64,uint32,uint8))
func (bridge *Bridge) PackMovedFundsSweepRequests(key *big.Int) []byte {
	enc, err := bridge.abi.Pack("movedFundsSweepRequests", key)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMovedFundsSweepRequests is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf18cf1b1.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function movedFundsSweepRequests(uint256 key) view returns((bytes20,uint64,uint32,uint8))
func (bridge *Bridge) TryPackMovedFundsSweepRequests(key *big.Int) ([]byte, error) {
	return bridge.abi.Pack("movedFundsSweepRequests", key)
}

// UnpackMovedFundsSweepRequests is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf18cf1b1.
//
// Solidity: function movedFundsSweepRequests(uint256 key) view returns((bytes20,uint64,uint32,uint8))
func (bridge *Bridge) UnpackMovedFundsSweepRequests(data []byte) (MovedFundsSweepRequest, error) {
	out, err := bridge.abi.Unpack("movedFundsSweepRequests", data)
	if err != nil {
		return *new(MovedFundsSweepRequest), err
	}
	out0 := *abi.ConvertType(out[0], new(MovedFundsSweepRequest)).(*MovedFundsSweepRequest)
	return out0, nil
}

// PackMovingFundsParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbe05abe3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function movingFundsParameters() pure returns(uint64, uint64, uint32, uint32, uint96, uint32, uint16, uint64, uint32, uint96, uint32)
func (bridge *Bridge) PackMovingFundsParameters() []byte {
	enc, err := bridge.abi.Pack("movingFundsParameters")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMovingFundsParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbe05abe3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function movingFundsParameters() pure returns(uint64, uint64, uint32, uint32, uint96, uint32, uint16, uint64, uint32, uint96, uint32)
func (bridge *Bridge) TryPackMovingFundsParameters() ([]byte, error) {
	return bridge.abi.Pack("movingFundsParameters")
}

// MovingFundsParametersOutput serves as a container for the return parameters of contract
// method MovingFundsParameters.
type MovingFundsParametersOutput struct {
	Arg0  uint64
	Arg1  uint64
	Arg2  uint32
	Arg3  uint32
	Arg4  *big.Int
	Arg5  uint32
	Arg6  uint16
	Arg7  uint64
	Arg8  uint32
	Arg9  *big.Int
	Arg10 uint32
}

// UnpackMovingFundsParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xbe05abe3.
//
// Solidity: function movingFundsParameters() pure returns(uint64, uint64, uint32, uint32, uint96, uint32, uint16, uint64, uint32, uint96, uint32)
func (bridge *Bridge) UnpackMovingFundsParameters(data []byte) (MovingFundsParametersOutput, error) {
	out, err := bridge.abi.Unpack("movingFundsParameters", data)
	outstruct := new(MovingFundsParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Arg0 = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.Arg1 = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.Arg2 = *abi.ConvertType(out[2], new(uint32)).(*uint32)
	outstruct.Arg3 = *abi.ConvertType(out[3], new(uint32)).(*uint32)
	outstruct.Arg4 = abi.ConvertType(out[4], new(big.Int)).(*big.Int)
	outstruct.Arg5 = *abi.ConvertType(out[5], new(uint32)).(*uint32)
	outstruct.Arg6 = *abi.ConvertType(out[6], new(uint16)).(*uint16)
	outstruct.Arg7 = *abi.ConvertType(out[7], new(uint64)).(*uint64)
	outstruct.Arg8 = *abi.ConvertType(out[8], new(uint32)).(*uint32)
	outstruct.Arg9 = abi.ConvertType(out[9], new(big.Int)).(*big.Int)
	outstruct.Arg10 = *abi.ConvertType(out[10], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackNotifyRedemptionTimeout is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x67f27247.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function notifyRedemptionTimeout(bytes20 walletPubKeyHash, bytes redeemerOutputScript) returns()
func (bridge *Bridge) PackNotifyRedemptionTimeout(walletPubKeyHash [20]byte, redeemerOutputScript []byte) []byte {
	enc, err := bridge.abi.Pack("notifyRedemptionTimeout", walletPubKeyHash, redeemerOutputScript)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackNotifyRedemptionTimeout is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x67f27247.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function notifyRedemptionTimeout(bytes20 walletPubKeyHash, bytes redeemerOutputScript) returns()
func (bridge *Bridge) TryPackNotifyRedemptionTimeout(walletPubKeyHash [20]byte, redeemerOutputScript []byte) ([]byte, error) {
	return bridge.abi.Pack("notifyRedemptionTimeout", walletPubKeyHash, redeemerOutputScript)
}

// PackPendingRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x03d952f7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingRedemptions(uint256 key) view returns((address,uint64,uint64,uint64,uint32))
func (bridge *Bridge) PackPendingRedemptions(key *big.Int) []byte {
	enc, err := bridge.abi.Pack("pendingRedemptions", key)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x03d952f7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingRedemptions(uint256 key) view returns((address,uint64,uint64,uint64,uint32))
func (bridge *Bridge) TryPackPendingRedemptions(key *big.Int) ([]byte, error) {
	return bridge.abi.Pack("pendingRedemptions", key)
}

// UnpackPendingRedemptions is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x03d952f7.
//
// Solidity: function pendingRedemptions(uint256 key) view returns((address,uint64,uint64,uint64,uint32))
func (bridge *Bridge) UnpackPendingRedemptions(data []byte) (RedemptionRequest, error) {
	out, err := bridge.abi.Unpack("pendingRedemptions", data)
	if err != nil {
		return *new(RedemptionRequest), err
	}
	out0 := *abi.ConvertType(out[0], new(RedemptionRequest)).(*RedemptionRequest)
	return out0, nil
}

// PackRedemptionParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6e70ce41.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function redemptionParameters() pure returns(uint64, uint64, uint64, uint64, uint32, uint96, uint32)
func (bridge *Bridge) PackRedemptionParameters() []byte {
	enc, err := bridge.abi.Pack("redemptionParameters")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRedemptionParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6e70ce41.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function redemptionParameters() pure returns(uint64, uint64, uint64, uint64, uint32, uint96, uint32)
func (bridge *Bridge) TryPackRedemptionParameters() ([]byte, error) {
	return bridge.abi.Pack("redemptionParameters")
}

// RedemptionParametersOutput serves as a container for the return parameters of contract
// method RedemptionParameters.
type RedemptionParametersOutput struct {
	Arg0 uint64
	Arg1 uint64
	Arg2 uint64
	Arg3 uint64
	Arg4 uint32
	Arg5 *big.Int
	Arg6 uint32
}

// UnpackRedemptionParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6e70ce41.
//
// Solidity: function redemptionParameters() pure returns(uint64, uint64, uint64, uint64, uint32, uint96, uint32)
func (bridge *Bridge) UnpackRedemptionParameters(data []byte) (RedemptionParametersOutput, error) {
	out, err := bridge.abi.Unpack("redemptionParameters", data)
	outstruct := new(RedemptionParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Arg0 = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.Arg1 = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.Arg2 = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.Arg3 = *abi.ConvertType(out[3], new(uint64)).(*uint64)
	outstruct.Arg4 = *abi.ConvertType(out[4], new(uint32)).(*uint32)
	outstruct.Arg5 = abi.ConvertType(out[5], new(big.Int)).(*big.Int)
	outstruct.Arg6 = *abi.ConvertType(out[6], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackRegisterWallet is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7343d50b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function registerWallet(bytes32 ecdsaWalletID, bytes20 walletPubKeyHash) returns()
func (bridge *Bridge) PackRegisterWallet(ecdsaWalletID [32]byte, walletPubKeyHash [20]byte) []byte {
	enc, err := bridge.abi.Pack("registerWallet", ecdsaWalletID, walletPubKeyHash)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRegisterWallet is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7343d50b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function registerWallet(bytes32 ecdsaWalletID, bytes20 walletPubKeyHash) returns()
func (bridge *Bridge) TryPackRegisterWallet(ecdsaWalletID [32]byte, walletPubKeyHash [20]byte) ([]byte, error) {
	return bridge.abi.Pack("registerWallet", ecdsaWalletID, walletPubKeyHash)
}

// PackRequestRedemption is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd6eccdf0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function requestRedemption(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) , bytes redeemerOutputScript, uint64 amount) returns()
func (bridge *Bridge) PackRequestRedemption(walletPubKeyHash [20]byte, arg1 Utxo, redeemerOutputScript []byte, amount uint64) []byte {
	enc, err := bridge.abi.Pack("requestRedemption", walletPubKeyHash, arg1, redeemerOutputScript, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRequestRedemption is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd6eccdf0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function requestRedemption(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) , bytes redeemerOutputScript, uint64 amount) returns()
func (bridge *Bridge) TryPackRequestRedemption(walletPubKeyHash [20]byte, arg1 Utxo, redeemerOutputScript []byte, amount uint64) ([]byte, error) {
	return bridge.abi.Pack("requestRedemption", walletPubKeyHash, arg1, redeemerOutputScript, amount)
}

// PackRevealDeposit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfca4ba4c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function revealDeposit((bytes4,bytes,bytes,bytes4) fundingTx, (uint32,bytes8,bytes20,bytes20,bytes4,address) reveal) returns()
func (bridge *Bridge) PackRevealDeposit(fundingTx TxInfo, reveal DepositReveal) []byte {
	enc, err := bridge.abi.Pack("revealDeposit", fundingTx, reveal)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRevealDeposit is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xfca4ba4c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function revealDeposit((bytes4,bytes,bytes,bytes4) fundingTx, (uint32,bytes8,bytes20,bytes20,bytes4,address) reveal) returns()
func (bridge *Bridge) TryPackRevealDeposit(fundingTx TxInfo, reveal DepositReveal) ([]byte, error) {
	return bridge.abi.Pack("revealDeposit", fundingTx, reveal)
}

// PackSetMainUtxo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa37a7b17.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setMainUtxo(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) mainUtxo) returns()
func (bridge *Bridge) PackSetMainUtxo(walletPubKeyHash [20]byte, mainUtxo Utxo) []byte {
	enc, err := bridge.abi.Pack("setMainUtxo", walletPubKeyHash, mainUtxo)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetMainUtxo is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa37a7b17.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setMainUtxo(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) mainUtxo) returns()
func (bridge *Bridge) TryPackSetMainUtxo(walletPubKeyHash [20]byte, mainUtxo Utxo) ([]byte, error) {
	return bridge.abi.Pack("setMainUtxo", walletPubKeyHash, mainUtxo)
}

// PackSetWalletState is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2055589c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setWalletState(bytes20 walletPubKeyHash, uint8 state) returns()
func (bridge *Bridge) PackSetWalletState(walletPubKeyHash [20]byte, state uint8) []byte {
	enc, err := bridge.abi.Pack("setWalletState", walletPubKeyHash, state)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetWalletState is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2055589c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setWalletState(bytes20 walletPubKeyHash, uint8 state) returns()
func (bridge *Bridge) TryPackSetWalletState(walletPubKeyHash [20]byte, state uint8) ([]byte, error) {
	return bridge.abi.Pack("setWalletState", walletPubKeyHash, state)
}

// PackSettleRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd61e9943.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function settleRedemptions(bytes20 walletPubKeyHash, bytes[] redeemersOutputScripts, bytes32 redemptionTxHash, (bytes32,uint32,uint64) newMainUtxo) returns()
func (bridge *Bridge) PackSettleRedemptions(walletPubKeyHash [20]byte, redeemersOutputScripts [][]byte, redemptionTxHash [32]byte, newMainUtxo Utxo) []byte {
	enc, err := bridge.abi.Pack("settleRedemptions", walletPubKeyHash, redeemersOutputScripts, redemptionTxHash, newMainUtxo)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSettleRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd61e9943.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function settleRedemptions(bytes20 walletPubKeyHash, bytes[] redeemersOutputScripts, bytes32 redemptionTxHash, (bytes32,uint32,uint64) newMainUtxo) returns()
func (bridge *Bridge) TryPackSettleRedemptions(walletPubKeyHash [20]byte, redeemersOutputScripts [][]byte, redemptionTxHash [32]byte, newMainUtxo Utxo) ([]byte, error) {
	return bridge.abi.Pack("settleRedemptions", walletPubKeyHash, redeemersOutputScripts, redemptionTxHash, newMainUtxo)
}

// PackSubmitMovingFundsCommitment is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabaeed8f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function submitMovingFundsCommitment(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) , uint32[] , uint256 , bytes20[] targetWallets) returns()
func (bridge *Bridge) PackSubmitMovingFundsCommitment(walletPubKeyHash [20]byte, arg1 Utxo, arg2 []uint32, arg3 *big.Int, targetWallets [][20]byte) []byte {
	enc, err := bridge.abi.Pack("submitMovingFundsCommitment", walletPubKeyHash, arg1, arg2, arg3, targetWallets)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSubmitMovingFundsCommitment is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabaeed8f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function submitMovingFundsCommitment(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) , uint32[] , uint256 , bytes20[] targetWallets) returns()
func (bridge *Bridge) TryPackSubmitMovingFundsCommitment(walletPubKeyHash [20]byte, arg1 Utxo, arg2 []uint32, arg3 *big.Int, targetWallets [][20]byte) ([]byte, error) {
	return bridge.abi.Pack("submitMovingFundsCommitment", walletPubKeyHash, arg1, arg2, arg3, targetWallets)
}

// PackWalletParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x61ccf97a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function walletParameters() pure returns(uint32, uint64, uint64, uint64, uint32, uint64, uint32)
func (bridge *Bridge) PackWalletParameters() []byte {
	enc, err := bridge.abi.Pack("walletParameters")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackWalletParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x61ccf97a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function walletParameters() pure returns(uint32, uint64, uint64, uint64, uint32, uint64, uint32)
func (bridge *Bridge) TryPackWalletParameters() ([]byte, error) {
	return bridge.abi.Pack("walletParameters")
}

// WalletParametersOutput serves as a container for the return parameters of contract
// method WalletParameters.
type WalletParametersOutput struct {
	Arg0 uint32
	Arg1 uint64
	Arg2 uint64
	Arg3 uint64
	Arg4 uint32
	Arg5 uint64
	Arg6 uint32
}

// UnpackWalletParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x61ccf97a.
//
// Solidity: function walletParameters() pure returns(uint32, uint64, uint64, uint64, uint32, uint64, uint32)
func (bridge *Bridge) UnpackWalletParameters(data []byte) (WalletParametersOutput, error) {
	out, err := bridge.abi.Unpack("walletParameters", data)
	outstruct := new(WalletParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Arg0 = *abi.ConvertType(out[0], new(uint32)).(*uint32)
	outstruct.Arg1 = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.Arg2 = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.Arg3 = *abi.ConvertType(out[3], new(uint64)).(*uint64)
	outstruct.Arg4 = *abi.ConvertType(out[4], new(uint32)).(*uint32)
	outstruct.Arg5 = *abi.ConvertType(out[5], new(uint64)).(*uint64)
	outstruct.Arg6 = *abi.ConvertType(out[6], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackWallets is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe65e19d5.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function wallets(bytes20 walletPubKeyHash) view returns((bytes32,bytes32,uint64,uint32,uint32,uint32,uint32,uint8,bytes32))
func (bridge *Bridge) PackWallets(walletPubKeyHash [20]byte) []byte {
	enc, err := bridge.abi.Pack("wallets", walletPubKeyHash)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackWallets is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe65e19d5.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function wallets(bytes20 walletPubKeyHash) view returns((bytes32,bytes32,uint64,uint32,uint32,uint32,uint32,uint8,bytes32))
func (bridge *Bridge) TryPackWallets(walletPubKeyHash [20]byte) ([]byte, error) {
	return bridge.abi.Pack("wallets", walletPubKeyHash)
}

// UnpackWallets is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe65e19d5.
//
// Solidity: function wallets(bytes20 walletPubKeyHash) view returns((bytes32,bytes32,uint64,uint32,uint32,uint32,uint32,uint8,bytes32))
func (bridge *Bridge) UnpackWallets(data []byte) (Wallet, error) {
	out, err := bridge.abi.Unpack("wallets", data)
	if err != nil {
		return *new(Wallet), err
	}
	out0 := *abi.ConvertType(out[0], new(Wallet)).(*Wallet)
	return out0, nil
}

// BridgeDepositRevealed represents a DepositRevealed event raised by the Bridge contract.
type BridgeDepositRevealed struct {
	FundingTxHash      [32]byte
	FundingOutputIndex uint32
	Depositor          common.Address
	Amount             uint64
	BlindingFactor     [8]byte
	WalletPubKeyHash   [20]byte
	RefundPubKeyHash   [20]byte
	RefundLocktime     [4]byte
	Vault              common.Address
	Raw                *types.Log // Blockchain specific contextual infos
}

const BridgeDepositRevealedEventName = "DepositRevealed"

// ContractEventName returns the user-defined event name.
func (BridgeDepositRevealed) ContractEventName() string {
	return BridgeDepositRevealedEventName
}

// UnpackDepositRevealedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DepositRevealed(bytes32 fundingTxHash, uint32 fundingOutputIndex, address indexed depositor, uint64 amount, bytes8 blindingFactor, bytes20 indexed walletPubKeyHash, bytes20 refundPubKeyHash, bytes4 refundLocktime, address vault)
func (bridge *Bridge) UnpackDepositRevealedEvent(log *types.Log) (*BridgeDepositRevealed, error) {
	event := "DepositRevealed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeDepositRevealed)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeDepositsSwept represents a DepositsSwept event raised by the Bridge contract.
type BridgeDepositsSwept struct {
	WalletPubKeyHash [20]byte
	SweepTxHash      [32]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeDepositsSweptEventName = "DepositsSwept"

// ContractEventName returns the user-defined event name.
func (BridgeDepositsSwept) ContractEventName() string {
	return BridgeDepositsSweptEventName
}

// UnpackDepositsSweptEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DepositsSwept(bytes20 walletPubKeyHash, bytes32 sweepTxHash)
func (bridge *Bridge) UnpackDepositsSweptEvent(log *types.Log) (*BridgeDepositsSwept, error) {
	event := "DepositsSwept"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeDepositsSwept)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeMovingFundsCommitmentSubmitted represents a MovingFundsCommitmentSubmitted event raised by the Bridge contract.
type BridgeMovingFundsCommitmentSubmitted struct {
	WalletPubKeyHash [20]byte
	TargetWallets    [][20]byte
	Submitter        common.Address
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeMovingFundsCommitmentSubmittedEventName = "MovingFundsCommitmentSubmitted"

// ContractEventName returns the user-defined event name.
func (BridgeMovingFundsCommitmentSubmitted) ContractEventName() string {
	return BridgeMovingFundsCommitmentSubmittedEventName
}

// UnpackMovingFundsCommitmentSubmittedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event MovingFundsCommitmentSubmitted(bytes20 indexed walletPubKeyHash, bytes20[] targetWallets, address submitter)
func (bridge *Bridge) UnpackMovingFundsCommitmentSubmittedEvent(log *types.Log) (*BridgeMovingFundsCommitmentSubmitted, error) {
	event := "MovingFundsCommitmentSubmitted"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeMovingFundsCommitmentSubmitted)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeMovingFundsCompleted represents a MovingFundsCompleted event raised by the Bridge contract.
type BridgeMovingFundsCompleted struct {
	WalletPubKeyHash  [20]byte
	MovingFundsTxHash [32]byte
	Raw               *types.Log // Blockchain specific contextual infos
}

const BridgeMovingFundsCompletedEventName = "MovingFundsCompleted"

// ContractEventName returns the user-defined event name.
func (BridgeMovingFundsCompleted) ContractEventName() string {
	return BridgeMovingFundsCompletedEventName
}

// UnpackMovingFundsCompletedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event MovingFundsCompleted(bytes20 indexed walletPubKeyHash, bytes32 movingFundsTxHash)
func (bridge *Bridge) UnpackMovingFundsCompletedEvent(log *types.Log) (*BridgeMovingFundsCompleted, error) {
	event := "MovingFundsCompleted"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeMovingFundsCompleted)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeNewWalletRegistered represents a NewWalletRegistered event raised by the Bridge contract.
type BridgeNewWalletRegistered struct {
	EcdsaWalletID    [32]byte
	WalletPubKeyHash [20]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeNewWalletRegisteredEventName = "NewWalletRegistered"

// ContractEventName returns the user-defined event name.
func (BridgeNewWalletRegistered) ContractEventName() string {
	return BridgeNewWalletRegisteredEventName
}

// UnpackNewWalletRegisteredEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event NewWalletRegistered(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash)
func (bridge *Bridge) UnpackNewWalletRegisteredEvent(log *types.Log) (*BridgeNewWalletRegistered, error) {
	event := "NewWalletRegistered"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeNewWalletRegistered)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeRedemptionRequested represents a RedemptionRequested event raised by the Bridge contract.
type BridgeRedemptionRequested struct {
	WalletPubKeyHash     [20]byte
	RedeemerOutputScript []byte
	Redeemer             common.Address
	RequestedAmount      uint64
	TreasuryFee          uint64
	TxMaxFee             uint64
	Raw                  *types.Log // Blockchain specific contextual infos
}

const BridgeRedemptionRequestedEventName = "RedemptionRequested"

// ContractEventName returns the user-defined event name.
func (BridgeRedemptionRequested) ContractEventName() string {
	return BridgeRedemptionRequestedEventName
}

// UnpackRedemptionRequestedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RedemptionRequested(bytes20 indexed walletPubKeyHash, bytes redeemerOutputScript, address indexed redeemer, uint64 requestedAmount, uint64 treasuryFee, uint64 txMaxFee)
func (bridge *Bridge) UnpackRedemptionRequestedEvent(log *types.Log) (*BridgeRedemptionRequested, error) {
	event := "RedemptionRequested"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeRedemptionRequested)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeRedemptionTimedOut represents a RedemptionTimedOut event raised by the Bridge contract.
type BridgeRedemptionTimedOut struct {
	WalletPubKeyHash     [20]byte
	RedeemerOutputScript []byte
	Raw                  *types.Log // Blockchain specific contextual infos
}

const BridgeRedemptionTimedOutEventName = "RedemptionTimedOut"

// ContractEventName returns the user-defined event name.
func (BridgeRedemptionTimedOut) ContractEventName() string {
	return BridgeRedemptionTimedOutEventName
}

// UnpackRedemptionTimedOutEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RedemptionTimedOut(bytes20 indexed walletPubKeyHash, bytes redeemerOutputScript)
func (bridge *Bridge) UnpackRedemptionTimedOutEvent(log *types.Log) (*BridgeRedemptionTimedOut, error) {
	event := "RedemptionTimedOut"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeRedemptionTimedOut)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeRedemptionsCompleted represents a RedemptionsCompleted event raised by the Bridge contract.
type BridgeRedemptionsCompleted struct {
	WalletPubKeyHash [20]byte
	RedemptionTxHash [32]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeRedemptionsCompletedEventName = "RedemptionsCompleted"

// ContractEventName returns the user-defined event name.
func (BridgeRedemptionsCompleted) ContractEventName() string {
	return BridgeRedemptionsCompletedEventName
}

// UnpackRedemptionsCompletedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RedemptionsCompleted(bytes20 indexed walletPubKeyHash, bytes32 redemptionTxHash)
func (bridge *Bridge) UnpackRedemptionsCompletedEvent(log *types.Log) (*BridgeRedemptionsCompleted, error) {
	event := "RedemptionsCompleted"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeRedemptionsCompleted)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeWalletClosed represents a WalletClosed event raised by the Bridge contract.
type BridgeWalletClosed struct {
	EcdsaWalletID    [32]byte
	WalletPubKeyHash [20]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeWalletClosedEventName = "WalletClosed"

// ContractEventName returns the user-defined event name.
func (BridgeWalletClosed) ContractEventName() string {
	return BridgeWalletClosedEventName
}

// UnpackWalletClosedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event WalletClosed(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash)
func (bridge *Bridge) UnpackWalletClosedEvent(log *types.Log) (*BridgeWalletClosed, error) {
	event := "WalletClosed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeWalletClosed)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeWalletClosing represents a WalletClosing event raised by the Bridge contract.
type BridgeWalletClosing struct {
	EcdsaWalletID    [32]byte
	WalletPubKeyHash [20]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeWalletClosingEventName = "WalletClosing"

// ContractEventName returns the user-defined event name.
func (BridgeWalletClosing) ContractEventName() string {
	return BridgeWalletClosingEventName
}

// UnpackWalletClosingEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event WalletClosing(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash)
func (bridge *Bridge) UnpackWalletClosingEvent(log *types.Log) (*BridgeWalletClosing, error) {
	event := "WalletClosing"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeWalletClosing)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeWalletMovingFunds represents a WalletMovingFunds event raised by the Bridge contract.
type BridgeWalletMovingFunds struct {
	EcdsaWalletID    [32]byte
	WalletPubKeyHash [20]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeWalletMovingFundsEventName = "WalletMovingFunds"

// ContractEventName returns the user-defined event name.
func (BridgeWalletMovingFunds) ContractEventName() string {
	return BridgeWalletMovingFundsEventName
}

// UnpackWalletMovingFundsEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event WalletMovingFunds(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash)
func (bridge *Bridge) UnpackWalletMovingFundsEvent(log *types.Log) (*BridgeWalletMovingFunds, error) {
	event := "WalletMovingFunds"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeWalletMovingFunds)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// BridgeWalletTerminated represents a WalletTerminated event raised by the Bridge contract.
type BridgeWalletTerminated struct {
	EcdsaWalletID    [32]byte
	WalletPubKeyHash [20]byte
	Raw              *types.Log // Blockchain specific contextual infos
}

const BridgeWalletTerminatedEventName = "WalletTerminated"

// ContractEventName returns the user-defined event name.
func (BridgeWalletTerminated) ContractEventName() string {
	return BridgeWalletTerminatedEventName
}

// UnpackWalletTerminatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event WalletTerminated(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash)
func (bridge *Bridge) UnpackWalletTerminatedEvent(log *types.Log) (*BridgeWalletTerminated, error) {
	event := "WalletTerminated"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != bridge.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(BridgeWalletTerminated)
	if len(log.Data) > 0 {
		if err := bridge.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range bridge.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// WalletProposalValidatorMetaData contains all meta data concerning the WalletProposalValidator contract.
var WalletProposalValidatorMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[{\"internalType\":\"contractIBridge\",\"name\":\"bridge_\",\"type\":\"address\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[],\"name\":\"DEPOSIT_MIN_AGE\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"DEPOSIT_REFUND_SAFETY_MARGIN\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"DEPOSIT_SWEEP_MAX_SIZE\",\"outputs\":[{\"internalType\":\"uint16\",\"name\":\"\",\"type\":\"uint16\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"REDEMPTION_MAX_SIZE\",\"outputs\":[{\"internalType\":\"uint16\",\"name\":\"\",\"type\":\"uint16\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"REDEMPTION_REQUEST_MIN_AGE\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"bridge\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"fundingTxHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"fundingOutputIndex\",\"type\":\"uint32\"}],\"internalType\":\"structDepositKey[]\",\"name\":\"depositsKeys\",\"type\":\"tuple[]\"},{\"internalType\":\"uint256\",\"name\":\"sweepTxFee\",\"type\":\"uint256\"},{\"internalType\":\"uint256[]\",\"name\":\"depositsRevealBlocks\",\"type\":\"uint256[]\"}],\"internalType\":\"structDepositSweepProposal\",\"name\":\"proposal\",\"type\":\"tuple\"},{\"components\":[{\"components\":[{\"internalType\":\"bytes4\",\"name\":\"version\",\"type\":\"bytes4\"},{\"internalType\":\"bytes\",\"name\":\"inputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes\",\"name\":\"outputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes4\",\"name\":\"locktime\",\"type\":\"bytes4\"}],\"internalType\":\"structTxInfo\",\"name\":\"fundingTx\",\"type\":\"tuple\"},{\"internalType\":\"bytes8\",\"name\":\"blindingFactor\",\"type\":\"bytes8\"},{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes20\",\"name\":\"refundPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes4\",\"name\":\"refundLocktime\",\"type\":\"bytes4\"}],\"internalType\":\"structDepositExtraInfo[]\",\"name\":\"depositsExtraInfo\",\"type\":\"tuple[]\"}],\"name\":\"validateDepositSweepProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes\",\"name\":\"message\",\"type\":\"bytes\"}],\"internalType\":\"structHeartbeatProposal\",\"name\":\"proposal\",\"type\":\"tuple\"}],\"name\":\"validateHeartbeatProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes32\",\"name\":\"movingFundsTxHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsTxOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint256\",\"name\":\"movedFundsSweepTxFee\",\"type\":\"uint256\"}],\"internalType\":\"structMovedFundsSweepProposal\",\"name\":\"proposal\",\"type\":\"tuple\"}],\"name\":\"validateMovedFundsSweepProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes20[]\",\"name\":\"targetWallets\",\"type\":\"bytes20[]\"},{\"internalType\":\"uint256\",\"name\":\"movingFundsTxFee\",\"type\":\"uint256\"}],\"internalType\":\"structMovingFundsProposal\",\"name\":\"proposal\",\"type\":\"tuple\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"\",\"type\":\"tuple\"}],\"name\":\"validateMovingFundsProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes[]\",\"name\":\"redeemersOutputScripts\",\"type\":\"bytes[]\"},{\"internalType\":\"uint256\",\"name\":\"redemptionTxFee\",\"type\":\"uint256\"}],\"internalType\":\"structRedemptionProposal\",\"name\":\"proposal\",\"type\":\"tuple\"}],\"name\":\"validateRedemptionProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"}]",
	ID:  "WalletProposalValidator",
	Bin: "0x60a060405234801561001057600080fd5b5060405161202138038061202183398101604081905261002f91610040565b6001600160a01b0316608052610070565b60006020828403121561005257600080fd5b81516001600160a01b038116811461006957600080fd5b9392505050565b608051611f576100ca60003960008181610173015281816102810152818161042d015281816108bd015281816109f701528181610ba801528181610c6e01528181610e2c01528181610f9c01526111010152611f576000f3fe608060405234801561001057600080fd5b50600436106100b45760003560e01c80639b337db2116100715780639b337db214610137578063d09520f71461014a578063d6c7fa7814610153578063e0276b261461011c578063e78cea9214610166578063f03a4bc51461019d57600080fd5b80630538ac1b146100b95780630fde6c76146100dc5780636b562cec146100b95780637405d7bf146100ff578063765f28f914610112578063996a756b1461011c575b600080fd5b6100c2611c2081565b60405163ffffffff90911681526020015b60405180910390f35b6100ef6100ea366004611503565b6101b0565b60405190151581526020016100d3565b6100ef61010d366004611551565b610791565b6100c26201518081565b610124601481565b60405161ffff90911681526020016100d3565b6100ef6101453660046115f1565b6109ea565b6100c261025881565b6100ef61016136600461163f565b610c50565b6040516001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001681526020016100d3565b6100ef6101ab366004611662565b610ed1565b60006101c76101c260208401846116b5565b610f7a565b60006101d660208401846116d2565b9150508061022b5760405162461bcd60e51b815260206004820152601d60248201527f526564656d7074696f6e2062656c6f7720746865206d696e2073697a6500000060448201526064015b60405180910390fd5b601481111561027c5760405162461bcd60e51b815260206004820152601f60248201527f526564656d7074696f6e206578636565647320746865206d61782073697a65006044820152606401610222565b6000807f00000000000000000000000000000000000000000000000000000000000000006001600160a01b0316636e70ce416040518163ffffffff1660e01b815260040160e060405180830381865afa1580156102dd573d6000803e3d6000fd5b505050506040513d601f19601f820116820180604052508101906103019190611777565b50509450945050505061031885604001358361108e565b600061032884604088013561182f565b90506000846001600160401b0381111561034457610344611843565b60405190808252806020026020018201604052801561036d578160200160208202803683370190505b50905060005b858110156107835761038860208901896116d2565b8281811061039857610398611859565b90506020028101906103aa919061186f565b6040516103b89291906118b5565b6040519081900390206103ce60208a018a6116b5565b6040516020016103f29291909182526001600160601b031916602082015260340190565b6040516020818303038152906040528051906020012060001c82828151811061041d5761041d611859565b60200260200101818152505060007f00000000000000000000000000000000000000000000000000000000000000006001600160a01b03166303d952f784848151811061046c5761046c611859565b60200260200101516040518263ffffffff1660e01b815260040161049291815260200190565b60a060405180830381865afa1580156104af573d6000803e3d6000fd5b505050506040513d601f19601f820116820180604052508101906104d39190611943565b9050806080015163ffffffff1660000361052f5760405162461bcd60e51b815260206004820181905260248201527f4e6f7420612070656e64696e6720726564656d7074696f6e20726571756573746044820152606401610222565b610258816080015161054191906119e2565b63ffffffff1642116105a95760405162461bcd60e51b815260206004820152602b60248201527f526564656d7074696f6e2072657175657374206d696e20616765206e6f74206160448201526a18da1a595d9959081e595d60aa1b6064820152608401610222565b611c208582608001516105bc91906119e2565b6105c691906119fe565b63ffffffff1642106106405760405162461bcd60e51b815260206004820152603960248201527f526564656d7074696f6e20726571756573742074696d656f757420736166657460448201527f79206d617267696e206973206e6f7420707265736572766564000000000000006064820152608401610222565b600061064d600189611a1a565b83146106595784610671565b6106678860408c0135611a2d565b6106719086611a41565b905081606001516001600160401b03168111156106ef5760405162461bcd60e51b815260206004820152603660248201527f50726f706f736564207472616e73616374696f6e207065722d72657175657374604482015275040cccaca40e6d0c2e4ca40d2e640e8dede40d0d2ced60531b6064820152608401610222565b60005b838110156107785784848151811061070c5761070c611859565b602002602001015185828151811061072657610726611859565b6020026020010151036107705760405162461bcd60e51b8152602060048201526012602482015271111d5c1b1a58d85d1959081c995c5d595cdd60721b6044820152606401610222565b6001016106f2565b505050600101610373565b506001979650505050505050565b60006107a36101c260208601866116b5565b60006107b26020860186611a54565b915050806108025760405162461bcd60e51b815260206004820152601860248201527f53776565702062656c6f7720746865206d696e2073697a6500000000000000006044820152606401610222565b60148111156108535760405162461bcd60e51b815260206004820152601a60248201527f5377656570206578636565647320746865206d61782073697a650000000000006044820152606401610222565b8083146108b95760405162461bcd60e51b815260206004820152602e60248201527f45616368206465706f736974206b6579206d7573742068617665206d6174636860448201526d696e6720657874726120696e666f60901b6064820152608401610222565b60007f00000000000000000000000000000000000000000000000000000000000000006001600160a01b031663c42b64d06040518163ffffffff1660e01b8152600401608060405180830381865afa158015610919573d6000803e3d6000fd5b505050506040513d601f19601f8201168201806040525081019061093d9190611a9d565b509250505060008660400135116109665760405162461bcd60e51b815260040161022290611af3565b610979826001600160401b038316611b3a565b8660400135111561099c5760405162461bcd60e51b815260040161022290611b51565b60005b828110156109dd576109d5878787848181106109bd576109bd611859565b90506020028101906109cf9190611b95565b836110d7565b60010161099f565b5060019695505050505050565b6000806001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001663e65e19d5610a2960208701876116b5565b6040516001600160e01b031960e084901b1681526001600160601b0319909116600482015260240161012060405180830381865afa158015610a6f573d6000803e3d6000fd5b505050506040513d601f19601f82011682018060405250810190610a939190611bc6565b60e081015190915060ff16600214610aff5760405162461bcd60e51b815260206004820152602960248201527f536f757263652077616c6c6574206973206e6f7420696e204d6f76696e6746756044820152686e647320737461746560b81b6064820152608401610222565b610b0c60208501856116d2565b604051602001610b1d929190611c6b565b6040516020818303038152906040528051906020012081610100015114610ba45760405162461bcd60e51b815260206004820152603560248201527f5461726765742077616c6c65747320646f206e6f74206d617463682074617267604482015274195d081dd85b1b195d1cc818dbdb5b5a5d1b595b9d605a1b6064820152608401610222565b60007f00000000000000000000000000000000000000000000000000000000000000006001600160a01b031663be05abe36040518163ffffffff1660e01b815260040161016060405180830381865afa158015610c05573d6000803e3d6000fd5b505050506040513d601f19601f82011682018060405250810190610c299190611cae565b505050505050505050509050610c4385604001358261108e565b6001925050505b92915050565b6000610c626101c260208401846116b5565b60006001600160a01b037f00000000000000000000000000000000000000000000000000000000000000001663f18cf1b16020850135610ca86060870160408801611d8b565b604051602001610ccf92919091825260e01b6001600160e01b031916602082015260240190565b60408051808303601f1901815290829052805160209091012060e083901b6001600160e01b03191682526004820152602401608060405180830381865afa158015610d1e573d6000803e3d6000fd5b505050506040513d601f19601f82011682018060405250810190610d429190611da8565b606081015190915060ff16600114610daa5760405162461bcd60e51b815260206004820152602560248201527f53776565702072657175657374206973206e6f7420696e2050656e64696e6720604482015264737461746560d81b6064820152608401610222565b610db760208401846116b5565b81516001600160601b0319908116911614610e285760405162461bcd60e51b815260206004820152602b60248201527f5377656570207265717565737420646f6573206e6f742062656c6f6e6720746f60448201526a081d1a19481dd85b1b195d60aa1b6064820152608401610222565b60007f00000000000000000000000000000000000000000000000000000000000000006001600160a01b031663be05abe36040518163ffffffff1660e01b815260040161016060405180830381865afa158015610e89573d6000803e3d6000fd5b505050506040513d601f19601f82011682018060405250810190610ead9190611cae565b505050975050505050505050610ec784606001358261108e565b5060019392505050565b6000610ee0602083018361186f565b90506010148015610f2657506001600160c01b0319610f02602084018461186f565b610f1191600891600091611e38565b610f1a91611e62565b6001600160c01b031916145b610f725760405162461bcd60e51b815260206004820152601d60248201527f4e6f7420612076616c696420686561727462656174206d6573736167650000006044820152606401610222565b506001919050565b60405163e65e19d560e01b81526001600160601b0319821660048201526000907f00000000000000000000000000000000000000000000000000000000000000006001600160a01b03169063e65e19d59060240161012060405180830381865afa158015610fec573d6000803e3d6000fd5b505050506040513d601f19601f820116820180604052508101906110109190611bc6565b60e00151905060ff81166001148061102b575060ff81166002145b61108a5760405162461bcd60e51b815260206004820152602a60248201527f57616c6c6574206973206e6f7420696e204c697665206f72204d6f76696e6746604482015269756e647320737461746560b01b6064820152608401610222565b5050565b600082116110ae5760405162461bcd60e51b815260040161022290611af3565b806001600160401b031682111561108a5760405162461bcd60e51b815260040161022290611b51565b366110e56020850185611a54565b838181106110f5576110f5611859565b905060400201905060007f00000000000000000000000000000000000000000000000000000000000000006001600160a01b031663b02c43d083600001358460200160208101906111469190611d8b565b60405160200161116d92919091825260e01b6001600160e01b031916602082015260240190565b60408051808303601f1901815290829052805160209091012060e083901b6001600160e01b0319168252600482015260240160e060405180830381865afa1580156111bc573d6000803e3d6000fd5b505050506040513d601f19601f820116820180604052508101906111e09190611e9a565b9050806040015163ffffffff166000036112335760405162461bcd60e51b815260206004820152601460248201527311195c1bdcda5d081b9bdd081c995d99585b195960621b6044820152606401610222565b611c20816040015161124591906119e2565b63ffffffff1642116112995760405162461bcd60e51b815260206004820181905260248201527f4465706f736974206d696e20616765206e6f74206163686965766564207965746044820152606401610222565b60a081015163ffffffff16156112e95760405162461bcd60e51b815260206004820152601560248201527411195c1bdcda5d08185b1c9958591e481cddd95c1d605a1b6044820152606401610222565b6112f660208601866116b5565b6001600160601b03191661131060608601604087016116b5565b6001600160601b031916146113765760405162461bcd60e51b815260206004820152602660248201527f4465706f73697420636f6e74726f6c6c656420627920646966666572656e74206044820152651dd85b1b195d60d21b6064820152608401610222565b620151806113bd61138d60a0870160808801611f2d565b63ff00000060c882901c1662ff000060d883901c161761ff0060e883901c161760f89190911c1763ffffffff1690565b6113c79190611a1a565b421061142b5760405162461bcd60e51b815260206004820152602d60248201527f4465706f73697420726566756e6420736166657479206d617267696e2069732060448201526c1b9bdd081c1c995cd95c9d9959609a1b6064820152608401610222565b60005b838110156114e357366114446020880188611a54565b8381811061145457611454611859565b6040029190910191505080358435141580611499575061147a6040850160208601611d8b565b63ffffffff166114906040830160208401611d8b565b63ffffffff1614155b6114da5760405162461bcd60e51b8152602060048201526012602482015271111d5c1b1a58d85d19590819195c1bdcda5d60721b6044820152606401610222565b5060010161142e565b505050505050565b6000606082840312156114fd57600080fd5b50919050565b60006020828403121561151557600080fd5b81356001600160401b0381111561152b57600080fd5b611537848285016114eb565b949350505050565b6000608082840312156114fd57600080fd5b60008060006040848603121561156657600080fd5b83356001600160401b0381111561157c57600080fd5b6115888682870161153f565b93505060208401356001600160401b038111156115a457600080fd5b8401601f810186136115b557600080fd5b80356001600160401b038111156115cb57600080fd5b8660208260051b84010111156115e057600080fd5b939660209190910195509293505050565b6000806080838503121561160457600080fd5b82356001600160401b0381111561161a57600080fd5b611626858286016114eb565b92505061163684602085016114eb565b90509250929050565b60006080828403121561165157600080fd5b61165b838361153f565b9392505050565b60006020828403121561167457600080fd5b81356001600160401b0381111561168a57600080fd5b82016040818503121561165b57600080fd5b6001600160601b0319811681146116b257600080fd5b50565b6000602082840312156116c757600080fd5b813561165b8161169c565b6000808335601e198436030181126116e957600080fd5b8301803591506001600160401b0382111561170357600080fd5b6020019150600581901b360382131561171b57600080fd5b9250929050565b80516001600160401b038116811461173957600080fd5b919050565b63ffffffff811681146116b257600080fd5b80516117398161173e565b80516bffffffffffffffffffffffff8116811461173957600080fd5b600080600080600080600060e0888a03121561179257600080fd5b61179b88611722565b96506117a960208901611722565b95506117b760408901611722565b94506117c560608901611722565b935060808801516117d58161173e565b92506117e360a0890161175b565b915060c08801516117f38161173e565b8091505092959891949750929550565b634e487b7160e01b600052601260045260246000fd5b634e487b7160e01b600052601160045260246000fd5b60008261183e5761183e611803565b500490565b634e487b7160e01b600052604160045260246000fd5b634e487b7160e01b600052603260045260246000fd5b6000808335601e1984360301811261188657600080fd5b8301803591506001600160401b038211156118a057600080fd5b60200191503681900382131561171b57600080fd5b8183823760009101908152919050565b60405161012081016001600160401b03811182821017156118f657634e487b7160e01b600052604160045260246000fd5b60405290565b60405160e081016001600160401b03811182821017156118f657634e487b7160e01b600052604160045260246000fd5b80516001600160a01b038116811461173957600080fd5b600060a082840312801561195657600080fd5b5060405160a081016001600160401b038111828210171561198757634e487b7160e01b600052604160045260246000fd5b6040526119938361192c565b81526119a160208401611722565b60208201526119b260408401611722565b60408201526119c360608401611722565b606082015260808301516119d68161173e565b60808201529392505050565b63ffffffff8181168382160190811115610c4a57610c4a611819565b63ffffffff8281168282160390811115610c4a57610c4a611819565b81810381811115610c4a57610c4a611819565b600082611a3c57611a3c611803565b500690565b80820180821115610c4a57610c4a611819565b6000808335601e19843603018112611a6b57600080fd5b8301803591506001600160401b03821115611a8557600080fd5b6020019150600681901b360382131561171b57600080fd5b60008060008060808587031215611ab357600080fd5b611abc85611722565b9350611aca60208601611722565b9250611ad860408601611722565b91506060850151611ae88161173e565b939692955090935050565b60208082526027908201527f50726f706f736564207472616e73616374696f6e206665652063616e6e6f74206040820152666265207a65726f60c81b606082015260800190565b8082028115828204841417610c4a57610c4a611819565b60208082526024908201527f50726f706f736564207472616e73616374696f6e2066656520697320746f6f206040820152630d0d2ced60e31b606082015260800190565b60008235609e19833603018112611bab57600080fd5b9190910192915050565b805160ff8116811461173957600080fd5b6000610120828403128015611bda57600080fd5b50611be36118c5565b8251815260208084015190820152611bfd60408401611722565b6040820152611c0e60608401611750565b6060820152611c1f60808401611750565b6080820152611c3060a08401611750565b60a0820152611c4160c08401611750565b60c0820152611c5260e08401611bb5565b60e0820152610100928301519281019290925250919050565b60008184825b85811015611ca3578135611c848161169c565b6001600160601b03191683526020928301929190910190600101611c71565b509095945050505050565b60008060008060008060008060008060006101608c8e031215611cd057600080fd5b611cd98c611722565b9a50611ce760208d01611722565b995060408c0151611cf78161173e565b60608d0151909950611d088161173e565b9750611d1660808d0161175b565b965060a08c0151611d268161173e565b60c08d015190965061ffff81168114611d3e57600080fd5b9450611d4c60e08d01611722565b9350611d5b6101008d01611750565b9250611d6a6101208d0161175b565b9150611d796101408d01611750565b90509295989b509295989b9093969950565b600060208284031215611d9d57600080fd5b813561165b8161173e565b60006080828403128015611dbb57600080fd5b50604051608081016001600160401b0381118282101715611dec57634e487b7160e01b600052604160045260246000fd5b6040528251611dfa8161169c565b8152611e0860208401611722565b60208201526040830151611e1b8161173e565b6040820152611e2c60608401611bb5565b60608201529392505050565b60008085851115611e4857600080fd5b83861115611e5557600080fd5b5050820193919092039150565b80356001600160c01b03198116906008841015611e93576001600160c01b0319600885900360031b81901b82161691505b5092915050565b600060e0828403128015611ead57600080fd5b50611eb66118fc565b611ebf8361192c565b8152611ecd60208401611722565b60208201526040830151611ee08161173e565b6040820152611ef16060840161192c565b6060820152611f0260808401611722565b608082015260a0830151611f158161173e565b60a082015260c0928301519281019290925250919050565b600060208284031215611f3f57600080fd5b81356001600160e01b03198116811461165b57600080fd",
}

// WalletProposalValidator is an auto generated Go binding around an Ethereum contract.
type WalletProposalValidator struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *WalletProposalValidator) GetABI() abi.ABI {
	return c.abi
}

// NewWalletProposalValidator creates a new instance of WalletProposalValidator.
func NewWalletProposalValidator() *WalletProposalValidator {
	parsed, err := WalletProposalValidatorMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &WalletProposalValidator{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *WalletProposalValidator) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(address bridge_) returns()
func (walletProposalValidator *WalletProposalValidator) PackConstructor(bridge_ common.Address) []byte {
	enc, err := walletProposalValidator.abi.Pack("", bridge_)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackDEPOSITMINAGE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6b562cec.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function DEPOSIT_MIN_AGE() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) PackDEPOSITMINAGE() []byte {
	enc, err := walletProposalValidator.abi.Pack("DEPOSIT_MIN_AGE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDEPOSITMINAGE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6b562cec.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function DEPOSIT_MIN_AGE() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) TryPackDEPOSITMINAGE() ([]byte, error) {
	return walletProposalValidator.abi.Pack("DEPOSIT_MIN_AGE")
}

// UnpackDEPOSITMINAGE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6b562cec.
//
// Solidity: function DEPOSIT_MIN_AGE() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) UnpackDEPOSITMINAGE(data []byte) (uint32, error) {
	out, err := walletProposalValidator.abi.Unpack("DEPOSIT_MIN_AGE", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackDEPOSITREFUNDSAFETYMARGIN is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x765f28f9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function DEPOSIT_REFUND_SAFETY_MARGIN() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) PackDEPOSITREFUNDSAFETYMARGIN() []byte {
	enc, err := walletProposalValidator.abi.Pack("DEPOSIT_REFUND_SAFETY_MARGIN")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDEPOSITREFUNDSAFETYMARGIN is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x765f28f9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function DEPOSIT_REFUND_SAFETY_MARGIN() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) TryPackDEPOSITREFUNDSAFETYMARGIN() ([]byte, error) {
	return walletProposalValidator.abi.Pack("DEPOSIT_REFUND_SAFETY_MARGIN")
}

// UnpackDEPOSITREFUNDSAFETYMARGIN is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x765f28f9.
//
// Solidity: function DEPOSIT_REFUND_SAFETY_MARGIN() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) UnpackDEPOSITREFUNDSAFETYMARGIN(data []byte) (uint32, error) {
	out, err := walletProposalValidator.abi.Unpack("DEPOSIT_REFUND_SAFETY_MARGIN", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackDEPOSITSWEEPMAXSIZE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x996a756b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function DEPOSIT_SWEEP_MAX_SIZE() view returns(uint16)
func (walletProposalValidator *WalletProposalValidator) PackDEPOSITSWEEPMAXSIZE() []byte {
	enc, err := walletProposalValidator.abi.Pack("DEPOSIT_SWEEP_MAX_SIZE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDEPOSITSWEEPMAXSIZE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x996a756b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function DEPOSIT_SWEEP_MAX_SIZE() view returns(uint16)
func (walletProposalValidator *WalletProposalValidator) TryPackDEPOSITSWEEPMAXSIZE() ([]byte, error) {
	return walletProposalValidator.abi.Pack("DEPOSIT_SWEEP_MAX_SIZE")
}

// UnpackDEPOSITSWEEPMAXSIZE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x996a756b.
//
// Solidity: function DEPOSIT_SWEEP_MAX_SIZE() view returns(uint16)
func (walletProposalValidator *WalletProposalValidator) UnpackDEPOSITSWEEPMAXSIZE(data []byte) (uint16, error) {
	out, err := walletProposalValidator.abi.Unpack("DEPOSIT_SWEEP_MAX_SIZE", data)
	if err != nil {
		return *new(uint16), err
	}
	out0 := *abi.ConvertType(out[0], new(uint16)).(*uint16)
	return out0, nil
}

// PackREDEMPTIONMAXSIZE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe0276b26.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function REDEMPTION_MAX_SIZE() view returns(uint16)
func (walletProposalValidator *WalletProposalValidator) PackREDEMPTIONMAXSIZE() []byte {
	enc, err := walletProposalValidator.abi.Pack("REDEMPTION_MAX_SIZE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackREDEMPTIONMAXSIZE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe0276b26.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function REDEMPTION_MAX_SIZE() view returns(uint16)
func (walletProposalValidator *WalletProposalValidator) TryPackREDEMPTIONMAXSIZE() ([]byte, error) {
	return walletProposalValidator.abi.Pack("REDEMPTION_MAX_SIZE")
}

// UnpackREDEMPTIONMAXSIZE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe0276b26.
//
// Solidity: function REDEMPTION_MAX_SIZE() view returns(uint16)
func (walletProposalValidator *WalletProposalValidator) UnpackREDEMPTIONMAXSIZE(data []byte) (uint16, error) {
	out, err := walletProposalValidator.abi.Unpack("REDEMPTION_MAX_SIZE", data)
	if err != nil {
		return *new(uint16), err
	}
	out0 := *abi.ConvertType(out[0], new(uint16)).(*uint16)
	return out0, nil
}

// PackREDEMPTIONREQUESTMINAGE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd09520f7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function REDEMPTION_REQUEST_MIN_AGE() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) PackREDEMPTIONREQUESTMINAGE() []byte {
	enc, err := walletProposalValidator.abi.Pack("REDEMPTION_REQUEST_MIN_AGE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackREDEMPTIONREQUESTMINAGE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd09520f7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function REDEMPTION_REQUEST_MIN_AGE() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) TryPackREDEMPTIONREQUESTMINAGE() ([]byte, error) {
	return walletProposalValidator.abi.Pack("REDEMPTION_REQUEST_MIN_AGE")
}

// UnpackREDEMPTIONREQUESTMINAGE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xd09520f7.
//
// Solidity: function REDEMPTION_REQUEST_MIN_AGE() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) UnpackREDEMPTIONREQUESTMINAGE(data []byte) (uint32, error) {
	out, err := walletProposalValidator.abi.Unpack("REDEMPTION_REQUEST_MIN_AGE", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0538ac1b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) PackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN() []byte {
	enc, err := walletProposalValidator.abi.Pack("REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0538ac1b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) TryPackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN() ([]byte, error) {
	return walletProposalValidator.abi.Pack("REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN")
}

// UnpackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0538ac1b.
//
// Solidity: function REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN() view returns(uint32)
func (walletProposalValidator *WalletProposalValidator) UnpackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN(data []byte) (uint32, error) {
	out, err := walletProposalValidator.abi.Unpack("REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN", data)
	if err != nil {
		return *new(uint32), err
	}
	out0 := *abi.ConvertType(out[0], new(uint32)).(*uint32)
	return out0, nil
}

// PackBridge is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe78cea92.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function bridge() view returns(address)
func (walletProposalValidator *WalletProposalValidator) PackBridge() []byte {
	enc, err := walletProposalValidator.abi.Pack("bridge")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBridge is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe78cea92.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function bridge() view returns(address)
func (walletProposalValidator *WalletProposalValidator) TryPackBridge() ([]byte, error) {
	return walletProposalValidator.abi.Pack("bridge")
}

// UnpackBridge is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe78cea92.
//
// Solidity: function bridge() view returns(address)
func (walletProposalValidator *WalletProposalValidator) UnpackBridge(data []byte) (common.Address, error) {
	out, err := walletProposalValidator.abi.Unpack("bridge", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackValidateDepositSweepProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7405d7bf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function validateDepositSweepProposal((bytes20,(bytes32,uint32)[],uint256,uint256[]) proposal, ((bytes4,bytes,bytes,bytes4),bytes8,bytes20,bytes20,bytes4)[] depositsExtraInfo) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) PackValidateDepositSweepProposal(proposal DepositSweepProposal, depositsExtraInfo []DepositExtraInfo) []byte {
	enc, err := walletProposalValidator.abi.Pack("validateDepositSweepProposal", proposal, depositsExtraInfo)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackValidateDepositSweepProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x7405d7bf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function validateDepositSweepProposal((bytes20,(bytes32,uint32)[],uint256,uint256[]) proposal, ((bytes4,bytes,bytes,bytes4),bytes8,bytes20,bytes20,bytes4)[] depositsExtraInfo) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateDepositSweepProposal(proposal DepositSweepProposal, depositsExtraInfo []DepositExtraInfo) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateDepositSweepProposal", proposal, depositsExtraInfo)
}

// UnpackValidateDepositSweepProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x7405d7bf.
//
// Solidity: function validateDepositSweepProposal((bytes20,(bytes32,uint32)[],uint256,uint256[]) proposal, ((bytes4,bytes,bytes,bytes4),bytes8,bytes20,bytes20,bytes4)[] depositsExtraInfo) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) UnpackValidateDepositSweepProposal(data []byte) (bool, error) {
	out, err := walletProposalValidator.abi.Unpack("validateDepositSweepProposal", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackValidateHeartbeatProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf03a4bc5.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function validateHeartbeatProposal((bytes20,bytes) proposal) pure returns(bool)
func (walletProposalValidator *WalletProposalValidator) PackValidateHeartbeatProposal(proposal HeartbeatProposal) []byte {
	enc, err := walletProposalValidator.abi.Pack("validateHeartbeatProposal", proposal)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackValidateHeartbeatProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf03a4bc5.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function validateHeartbeatProposal((bytes20,bytes) proposal) pure returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateHeartbeatProposal(proposal HeartbeatProposal) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateHeartbeatProposal", proposal)
}

// UnpackValidateHeartbeatProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf03a4bc5.
//
// Solidity: function validateHeartbeatProposal((bytes20,bytes) proposal) pure returns(bool)
func (walletProposalValidator *WalletProposalValidator) UnpackValidateHeartbeatProposal(data []byte) (bool, error) {
	out, err := walletProposalValidator.abi.Unpack("validateHeartbeatProposal", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackValidateMovedFundsSweepProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd6c7fa78.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function validateMovedFundsSweepProposal((bytes20,bytes32,uint32,uint256) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) PackValidateMovedFundsSweepProposal(proposal MovedFundsSweepProposal) []byte {
	enc, err := walletProposalValidator.abi.Pack("validateMovedFundsSweepProposal", proposal)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackValidateMovedFundsSweepProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd6c7fa78.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function validateMovedFundsSweepProposal((bytes20,bytes32,uint32,uint256) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateMovedFundsSweepProposal(proposal MovedFundsSweepProposal) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateMovedFundsSweepProposal", proposal)
}

// UnpackValidateMovedFundsSweepProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xd6c7fa78.
//
// Solidity: function validateMovedFundsSweepProposal((bytes20,bytes32,uint32,uint256) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) UnpackValidateMovedFundsSweepProposal(data []byte) (bool, error) {
	out, err := walletProposalValidator.abi.Unpack("validateMovedFundsSweepProposal", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackValidateMovingFundsProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9b337db2.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function validateMovingFundsProposal((bytes20,bytes20[],uint256) proposal, (bytes32,uint32,uint64) ) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) PackValidateMovingFundsProposal(proposal MovingFundsProposal, arg1 Utxo) []byte {
	enc, err := walletProposalValidator.abi.Pack("validateMovingFundsProposal", proposal, arg1)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackValidateMovingFundsProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9b337db2.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function validateMovingFundsProposal((bytes20,bytes20[],uint256) proposal, (bytes32,uint32,uint64) ) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateMovingFundsProposal(proposal MovingFundsProposal, arg1 Utxo) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateMovingFundsProposal", proposal, arg1)
}

// UnpackValidateMovingFundsProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x9b337db2.
//
// Solidity: function validateMovingFundsProposal((bytes20,bytes20[],uint256) proposal, (bytes32,uint32,uint64) ) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) UnpackValidateMovingFundsProposal(data []byte) (bool, error) {
	out, err := walletProposalValidator.abi.Unpack("validateMovingFundsProposal", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackValidateRedemptionProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0fde6c76.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function validateRedemptionProposal((bytes20,bytes[],uint256) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) PackValidateRedemptionProposal(proposal RedemptionProposal) []byte {
	enc, err := walletProposalValidator.abi.Pack("validateRedemptionProposal", proposal)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackValidateRedemptionProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0fde6c76.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function validateRedemptionProposal((bytes20,bytes[],uint256) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateRedemptionProposal(proposal RedemptionProposal) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateRedemptionProposal", proposal)
}

// UnpackValidateRedemptionProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0fde6c76.
//
// Solidity: function validateRedemptionProposal((bytes20,bytes[],uint256) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) UnpackValidateRedemptionProposal(data []byte) (bool, error) {
	out, err := walletProposalValidator.abi.Unpack("validateRedemptionProposal", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}
