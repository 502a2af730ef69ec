// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package tbtc

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
	ABI: "[{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"fundingTxHash\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint32\",\"name\":\"fundingOutputIndex\",\"type\":\"uint32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"depositor\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"amount\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes8\",\"name\":\"blindingFactor\",\"type\":\"bytes8\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes20\",\"name\":\"refundPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes4\",\"name\":\"refundLocktime\",\"type\":\"bytes4\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"vault\",\"type\":\"address\"}],\"name\":\"DepositRevealed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"sweepTxHash\",\"type\":\"bytes32\"}],\"name\":\"DepositsSwept\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes20[]\",\"name\":\"targetWallets\",\"type\":\"bytes20[]\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"submitter\",\"type\":\"address\"}],\"name\":\"MovingFundsCommitmentSubmitted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"movingFundsTxHash\",\"type\":\"bytes32\"}],\"name\":\"MovingFundsCompleted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"NewWalletRegistered\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"redeemer\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"requestedAmount\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"treasuryFee\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"txMaxFee\",\"type\":\"uint64\"}],\"name\":\"RedemptionRequested\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"}],\"name\":\"RedemptionTimedOut\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"redemptionTxHash\",\"type\":\"bytes32\"}],\"name\":\"RedemptionsCompleted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletClosed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletClosing\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletMovingFunds\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"WalletTerminated\",\"type\":\"event\"},{\"inputs\":[],\"name\":\"contractReferences\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"bank\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"relay\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"ecdsaWalletRegistry\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"reimbursementPool\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"depositParameters\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"depositDustThreshold\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"depositTreasuryFeeDivisor\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"depositTxMaxFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"depositRevealAheadPeriod\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"depositKey\",\"type\":\"uint256\"}],\"name\":\"deposits\",\"outputs\":[{\"components\":[{\"internalType\":\"address\",\"name\":\"depositor\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"amount\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"revealedAt\",\"type\":\"uint32\"},{\"internalType\":\"address\",\"name\":\"vault\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"treasuryFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"sweptAt\",\"type\":\"uint32\"},{\"internalType\":\"bytes32\",\"name\":\"extraData\",\"type\":\"bytes32\"}],\"internalType\":\"structDepositRequest\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"getRedemptionWatchtower\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"liveWalletsCount\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"requestKey\",\"type\":\"uint256\"}],\"name\":\"movedFundsSweepRequests\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"uint64\",\"name\":\"value\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"createdAt\",\"type\":\"uint32\"},{\"internalType\":\"uint8\",\"name\":\"state\",\"type\":\"uint8\"}],\"internalType\":\"structMovedFundsSweepRequest\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"movingFundsParameters\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"movingFundsTxMaxTotalFee\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"movingFundsDustThreshold\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsTimeoutResetDelay\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsTimeout\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"movingFundsTimeoutSlashingAmount\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsTimeoutNotifierRewardMultiplier\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"movingFundsCommitmentGasOffset\",\"type\":\"uint16\"},{\"internalType\":\"uint64\",\"name\":\"movedFundsSweepTxMaxTotalFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"movedFundsSweepTimeout\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"movedFundsSweepTimeoutSlashingAmount\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"movedFundsSweepTimeoutNotifierRewardMultiplier\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"redemptionKey\",\"type\":\"uint256\"}],\"name\":\"pendingRedemptions\",\"outputs\":[{\"components\":[{\"internalType\":\"address\",\"name\":\"redeemer\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"requestedAmount\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"treasuryFee\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"txMaxFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"requestedAt\",\"type\":\"uint32\"}],\"internalType\":\"structRedemptionRequest\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"redemptionParameters\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"redemptionDustThreshold\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"redemptionTreasuryFeeDivisor\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"redemptionTxMaxFee\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"redemptionTxMaxTotalFee\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"redemptionTimeout\",\"type\":\"uint32\"},{\"internalType\":\"uint96\",\"name\":\"redemptionTimeoutSlashingAmount\",\"type\":\"uint96\"},{\"internalType\":\"uint32\",\"name\":\"redemptionTimeoutNotifierRewardMultiplier\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"mainUtxo\",\"type\":\"tuple\"},{\"internalType\":\"bytes\",\"name\":\"redeemerOutputScript\",\"type\":\"bytes\"},{\"internalType\":\"uint64\",\"name\":\"amount\",\"type\":\"uint64\"}],\"name\":\"requestRedemption\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes4\",\"name\":\"version\",\"type\":\"bytes4\"},{\"internalType\":\"bytes\",\"name\":\"inputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes\",\"name\":\"outputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes4\",\"name\":\"locktime\",\"type\":\"bytes4\"}],\"internalType\":\"structTxInfo\",\"name\":\"fundingTx\",\"type\":\"tuple\"},{\"components\":[{\"internalType\":\"uint32\",\"name\":\"fundingOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"bytes8\",\"name\":\"blindingFactor\",\"type\":\"bytes8\"},{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes20\",\"name\":\"refundPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes4\",\"name\":\"refundLocktime\",\"type\":\"bytes4\"},{\"internalType\":\"address\",\"name\":\"vault\",\"type\":\"address\"}],\"internalType\":\"structDepositReveal\",\"name\":\"reveal\",\"type\":\"tuple\"}],\"name\":\"revealDeposit\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"walletMainUtxo\",\"type\":\"tuple\"},{\"internalType\":\"uint32[]\",\"name\":\"walletMembersIDs\",\"type\":\"uint32[]\"},{\"internalType\":\"uint256\",\"name\":\"walletMemberIndex\",\"type\":\"uint256\"},{\"internalType\":\"bytes20[]\",\"name\":\"targetWallets\",\"type\":\"bytes20[]\"}],\"name\":\"submitMovingFundsCommitment\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"walletParameters\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"walletCreationPeriod\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"walletCreationMinBtcBalance\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"walletCreationMaxBtcBalance\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"walletClosureMinBtcBalance\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"walletMaxAge\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"walletMaxBtcTransfer\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"walletClosingPeriod\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"}],\"name\":\"wallets\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"ecdsaWalletID\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"mainUtxoHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"pendingRedemptionsValue\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"createdAt\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsRequestedAt\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"closingStartedAt\",\"type\":\"uint32\"},{\"internalType\":\"uint32\",\"name\":\"pendingMovedFundsSweepRequestsCount\",\"type\":\"uint32\"},{\"internalType\":\"uint8\",\"name\":\"state\",\"type\":\"uint8\"},{\"internalType\":\"bytes32\",\"name\":\"movingFundsTargetWalletsCommitmentHash\",\"type\":\"bytes32\"}],\"internalType\":\"structWallet\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"}]",
	ID:  "Bridge",
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

// PackContractReferences is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa9de2f3a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function contractReferences() view returns(address bank, address relay, address ecdsaWalletRegistry, address reimbursementPool)
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
// Solidity: function contractReferences() view returns(address bank, address relay, address ecdsaWalletRegistry, address reimbursementPool)
func (bridge *Bridge) TryPackContractReferences() ([]byte, error) {
	return bridge.abi.Pack("contractReferences")
}

// ContractReferencesOutput serves as a container for the return parameters of contract
// method ContractReferences.
type ContractReferencesOutput struct {
	Bank                common.Address
	Relay               common.Address
	EcdsaWalletRegistry common.Address
	ReimbursementPool   common.Address
}

// UnpackContractReferences is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa9de2f3a.
//
// Solidity: function contractReferences() view returns(address bank, address relay, address ecdsaWalletRegistry, address reimbursementPool)
func (bridge *Bridge) UnpackContractReferences(data []byte) (ContractReferencesOutput, error) {
	out, err := bridge.abi.Unpack("contractReferences", data)
	outstruct := new(ContractReferencesOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Bank = *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	outstruct.Relay = *abi.ConvertType(out[1], new(common.Address)).(*common.Address)
	outstruct.EcdsaWalletRegistry = *abi.ConvertType(out[2], new(common.Address)).(*common.Address)
	outstruct.ReimbursementPool = *abi.ConvertType(out[3], new(common.Address)).(*common.Address)
	return *outstruct, nil
}

// PackDepositParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc42b64d0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function depositParameters() view returns(uint64 depositDustThreshold, uint64 depositTreasuryFeeDivisor, uint64 depositTxMaxFee, uint32 depositRevealAheadPeriod)
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
// Solidity: function depositParameters() view returns(uint64 depositDustThreshold, uint64 depositTreasuryFeeDivisor, uint64 depositTxMaxFee, uint32 depositRevealAheadPeriod)
func (bridge *Bridge) TryPackDepositParameters() ([]byte, error) {
	return bridge.abi.Pack("depositParameters")
}

// DepositParametersOutput serves as a container for the return parameters of contract
// method DepositParameters.
type DepositParametersOutput struct {
	DepositDustThreshold      uint64
	DepositTreasuryFeeDivisor uint64
	DepositTxMaxFee           uint64
	DepositRevealAheadPeriod  uint32
}

// UnpackDepositParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc42b64d0.
//
// Solidity: function depositParameters() view returns(uint64 depositDustThreshold, uint64 depositTreasuryFeeDivisor, uint64 depositTxMaxFee, uint32 depositRevealAheadPeriod)
func (bridge *Bridge) UnpackDepositParameters(data []byte) (DepositParametersOutput, error) {
	out, err := bridge.abi.Unpack("depositParameters", data)
	outstruct := new(DepositParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.DepositDustThreshold = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.DepositTreasuryFeeDivisor = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.DepositTxMaxFee = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.DepositRevealAheadPeriod = *abi.ConvertType(out[3], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackDeposits is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb02c43d0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function deposits(uint256 depositKey) view returns((address,uint64,uint32,address,uint64,uint32,bytes32))
func (bridge *Bridge) PackDeposits(depositKey *big.Int) []byte {
	enc, err := bridge.abi.Pack("deposits", depositKey)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDeposits is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb02c43d0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function deposits(uint256 depositKey) view returns((address,uint64,uint32,address,uint64,uint32,bytes32))
func (bridge *Bridge) TryPackDeposits(depositKey *big.Int) ([]byte, error) {
	return bridge.abi.Pack("deposits", depositKey)
}

// UnpackDeposits is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb02c43d0.
//
// Solidity: function deposits(uint256 depositKey) view returns((address,uint64,uint32,address,uint64,uint32,bytes32))
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
// Solidity: function getRedemptionWatchtower() view returns(address)
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
// Solidity: function getRedemptionWatchtower() view returns(address)
func (bridge *Bridge) TryPackGetRedemptionWatchtower() ([]byte, error) {
	return bridge.abi.Pack("getRedemptionWatchtower")
}

// UnpackGetRedemptionWatchtower is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x5f3281ca.
//
// Solidity: function getRedemptionWatchtower() view returns(address)
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
// Solidity: function movedFundsSweepRequests(uint256 requestKey) view returns((bytes20,uint64,uint32,uint8))
func (bridge *Bridge) PackMovedFundsSweepRequests(requestKey *big.Int) []byte {
	enc, err := bridge.abi.Pack("movedFundsSweepRequests", requestKey)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMovedFundsSweepRequests is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf18cf1b1.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function movedFundsSweepRequests(uint256 requestKey) view returns((bytes20,uint64,uint32,uint8))
func (bridge *Bridge) TryPackMovedFundsSweepRequests(requestKey *big.Int) ([]byte, error) {
	return bridge.abi.Pack("movedFundsSweepRequests", requestKey)
}

// UnpackMovedFundsSweepRequests is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf18cf1b1.
//
// Solidity: function movedFundsSweepRequests(uint256 requestKey) view returns((bytes20,uint64,uint32,uint8))
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
// Solidity: function movingFundsParameters() view returns(uint64 movingFundsTxMaxTotalFee, uint64 movingFundsDustThreshold, uint32 movingFundsTimeoutResetDelay, uint32 movingFundsTimeout, uint96 movingFundsTimeoutSlashingAmount, uint32 movingFundsTimeoutNotifierRewardMultiplier, uint16 movingFundsCommitmentGasOffset, uint64 movedFundsSweepTxMaxTotalFee, uint32 movedFundsSweepTimeout, uint96 movedFundsSweepTimeoutSlashingAmount, uint32 movedFundsSweepTimeoutNotifierRewardMultiplier)
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
// Solidity: function movingFundsParameters() view returns(uint64 movingFundsTxMaxTotalFee, uint64 movingFundsDustThreshold, uint32 movingFundsTimeoutResetDelay, uint32 movingFundsTimeout, uint96 movingFundsTimeoutSlashingAmount, uint32 movingFundsTimeoutNotifierRewardMultiplier, uint16 movingFundsCommitmentGasOffset, uint64 movedFundsSweepTxMaxTotalFee, uint32 movedFundsSweepTimeout, uint96 movedFundsSweepTimeoutSlashingAmount, uint32 movedFundsSweepTimeoutNotifierRewardMultiplier)
func (bridge *Bridge) TryPackMovingFundsParameters() ([]byte, error) {
	return bridge.abi.Pack("movingFundsParameters")
}

// MovingFundsParametersOutput serves as a container for the return parameters of contract
// method MovingFundsParameters.
type MovingFundsParametersOutput struct {
	MovingFundsTxMaxTotalFee                       uint64
	MovingFundsDustThreshold                       uint64
	MovingFundsTimeoutResetDelay                   uint32
	MovingFundsTimeout                             uint32
	MovingFundsTimeoutSlashingAmount               *big.Int
	MovingFundsTimeoutNotifierRewardMultiplier     uint32
	MovingFundsCommitmentGasOffset                 uint16
	MovedFundsSweepTxMaxTotalFee                   uint64
	MovedFundsSweepTimeout                         uint32
	MovedFundsSweepTimeoutSlashingAmount           *big.Int
	MovedFundsSweepTimeoutNotifierRewardMultiplier uint32
}

// UnpackMovingFundsParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xbe05abe3.
//
// Solidity: function movingFundsParameters() view returns(uint64 movingFundsTxMaxTotalFee, uint64 movingFundsDustThreshold, uint32 movingFundsTimeoutResetDelay, uint32 movingFundsTimeout, uint96 movingFundsTimeoutSlashingAmount, uint32 movingFundsTimeoutNotifierRewardMultiplier, uint16 movingFundsCommitmentGasOffset, uint64 movedFundsSweepTxMaxTotalFee, uint32 movedFundsSweepTimeout, uint96 movedFundsSweepTimeoutSlashingAmount, uint32 movedFundsSweepTimeoutNotifierRewardMultiplier)
func (bridge *Bridge) UnpackMovingFundsParameters(data []byte) (MovingFundsParametersOutput, error) {
	out, err := bridge.abi.Unpack("movingFundsParameters", data)
	outstruct := new(MovingFundsParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.MovingFundsTxMaxTotalFee = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.MovingFundsDustThreshold = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.MovingFundsTimeoutResetDelay = *abi.ConvertType(out[2], new(uint32)).(*uint32)
	outstruct.MovingFundsTimeout = *abi.ConvertType(out[3], new(uint32)).(*uint32)
	outstruct.MovingFundsTimeoutSlashingAmount = abi.ConvertType(out[4], new(big.Int)).(*big.Int)
	outstruct.MovingFundsTimeoutNotifierRewardMultiplier = *abi.ConvertType(out[5], new(uint32)).(*uint32)
	outstruct.MovingFundsCommitmentGasOffset = *abi.ConvertType(out[6], new(uint16)).(*uint16)
	outstruct.MovedFundsSweepTxMaxTotalFee = *abi.ConvertType(out[7], new(uint64)).(*uint64)
	outstruct.MovedFundsSweepTimeout = *abi.ConvertType(out[8], new(uint32)).(*uint32)
	outstruct.MovedFundsSweepTimeoutSlashingAmount = abi.ConvertType(out[9], new(big.Int)).(*big.Int)
	outstruct.MovedFundsSweepTimeoutNotifierRewardMultiplier = *abi.ConvertType(out[10], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackPendingRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x03d952f7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingRedemptions(uint256 redemptionKey) view returns((address,uint64,uint64,uint64,uint32))
func (bridge *Bridge) PackPendingRedemptions(redemptionKey *big.Int) []byte {
	enc, err := bridge.abi.Pack("pendingRedemptions", redemptionKey)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingRedemptions is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x03d952f7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingRedemptions(uint256 redemptionKey) view returns((address,uint64,uint64,uint64,uint32))
func (bridge *Bridge) TryPackPendingRedemptions(redemptionKey *big.Int) ([]byte, error) {
	return bridge.abi.Pack("pendingRedemptions", redemptionKey)
}

// UnpackPendingRedemptions is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x03d952f7.
//
// Solidity: function pendingRedemptions(uint256 redemptionKey) view returns((address,uint64,uint64,uint64,uint32))
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
// Solidity: function redemptionParameters() view returns(uint64 redemptionDustThreshold, uint64 redemptionTreasuryFeeDivisor, uint64 redemptionTxMaxFee, uint64 redemptionTxMaxTotalFee, uint32 redemptionTimeout, uint96 redemptionTimeoutSlashingAmount, uint32 redemptionTimeoutNotifierRewardMultiplier)
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
// Solidity: function redemptionParameters() view returns(uint64 redemptionDustThreshold, uint64 redemptionTreasuryFeeDivisor, uint64 redemptionTxMaxFee, uint64 redemptionTxMaxTotalFee, uint32 redemptionTimeout, uint96 redemptionTimeoutSlashingAmount, uint32 redemptionTimeoutNotifierRewardMultiplier)
func (bridge *Bridge) TryPackRedemptionParameters() ([]byte, error) {
	return bridge.abi.Pack("redemptionParameters")
}

// RedemptionParametersOutput serves as a container for the return parameters of contract
// method RedemptionParameters.
type RedemptionParametersOutput struct {
	RedemptionDustThreshold                   uint64
	RedemptionTreasuryFeeDivisor              uint64
	RedemptionTxMaxFee                        uint64
	RedemptionTxMaxTotalFee                   uint64
	RedemptionTimeout                         uint32
	RedemptionTimeoutSlashingAmount           *big.Int
	RedemptionTimeoutNotifierRewardMultiplier uint32
}

// UnpackRedemptionParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6e70ce41.
//
// Solidity: function redemptionParameters() view returns(uint64 redemptionDustThreshold, uint64 redemptionTreasuryFeeDivisor, uint64 redemptionTxMaxFee, uint64 redemptionTxMaxTotalFee, uint32 redemptionTimeout, uint96 redemptionTimeoutSlashingAmount, uint32 redemptionTimeoutNotifierRewardMultiplier)
func (bridge *Bridge) UnpackRedemptionParameters(data []byte) (RedemptionParametersOutput, error) {
	out, err := bridge.abi.Unpack("redemptionParameters", data)
	outstruct := new(RedemptionParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.RedemptionDustThreshold = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.RedemptionTreasuryFeeDivisor = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.RedemptionTxMaxFee = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.RedemptionTxMaxTotalFee = *abi.ConvertType(out[3], new(uint64)).(*uint64)
	outstruct.RedemptionTimeout = *abi.ConvertType(out[4], new(uint32)).(*uint32)
	outstruct.RedemptionTimeoutSlashingAmount = abi.ConvertType(out[5], new(big.Int)).(*big.Int)
	outstruct.RedemptionTimeoutNotifierRewardMultiplier = *abi.ConvertType(out[6], new(uint32)).(*uint32)
	return *outstruct, nil
}

// PackRequestRedemption is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd6eccdf0.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function requestRedemption(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) mainUtxo, bytes redeemerOutputScript, uint64 amount) returns()
func (bridge *Bridge) PackRequestRedemption(walletPubKeyHash [20]byte, mainUtxo Utxo, redeemerOutputScript []byte, amount uint64) []byte {
	enc, err := bridge.abi.Pack("requestRedemption", walletPubKeyHash, mainUtxo, redeemerOutputScript, amount)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRequestRedemption is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd6eccdf0.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function requestRedemption(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) mainUtxo, bytes redeemerOutputScript, uint64 amount) returns()
func (bridge *Bridge) TryPackRequestRedemption(walletPubKeyHash [20]byte, mainUtxo Utxo, redeemerOutputScript []byte, amount uint64) ([]byte, error) {
	return bridge.abi.Pack("requestRedemption", walletPubKeyHash, mainUtxo, redeemerOutputScript, amount)
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

// PackSubmitMovingFundsCommitment is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabaeed8f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function submitMovingFundsCommitment(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) walletMainUtxo, uint32[] walletMembersIDs, uint256 walletMemberIndex, bytes20[] targetWallets) returns()
func (bridge *Bridge) PackSubmitMovingFundsCommitment(walletPubKeyHash [20]byte, walletMainUtxo Utxo, walletMembersIDs []uint32, walletMemberIndex *big.Int, targetWallets [][20]byte) []byte {
	enc, err := bridge.abi.Pack("submitMovingFundsCommitment", walletPubKeyHash, walletMainUtxo, walletMembersIDs, walletMemberIndex, targetWallets)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSubmitMovingFundsCommitment is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xabaeed8f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function submitMovingFundsCommitment(bytes20 walletPubKeyHash, (bytes32,uint32,uint64) walletMainUtxo, uint32[] walletMembersIDs, uint256 walletMemberIndex, bytes20[] targetWallets) returns()
func (bridge *Bridge) TryPackSubmitMovingFundsCommitment(walletPubKeyHash [20]byte, walletMainUtxo Utxo, walletMembersIDs []uint32, walletMemberIndex *big.Int, targetWallets [][20]byte) ([]byte, error) {
	return bridge.abi.Pack("submitMovingFundsCommitment", walletPubKeyHash, walletMainUtxo, walletMembersIDs, walletMemberIndex, targetWallets)
}

// PackWalletParameters is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x61ccf97a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function walletParameters() view returns(uint32 walletCreationPeriod, uint64 walletCreationMinBtcBalance, uint64 walletCreationMaxBtcBalance, uint64 walletClosureMinBtcBalance, uint32 walletMaxAge, uint64 walletMaxBtcTransfer, uint32 walletClosingPeriod)
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
// Solidity: function walletParameters() view returns(uint32 walletCreationPeriod, uint64 walletCreationMinBtcBalance, uint64 walletCreationMaxBtcBalance, uint64 walletClosureMinBtcBalance, uint32 walletMaxAge, uint64 walletMaxBtcTransfer, uint32 walletClosingPeriod)
func (bridge *Bridge) TryPackWalletParameters() ([]byte, error) {
	return bridge.abi.Pack("walletParameters")
}

// WalletParametersOutput serves as a container for the return parameters of contract
// method WalletParameters.
type WalletParametersOutput struct {
	WalletCreationPeriod        uint32
	WalletCreationMinBtcBalance uint64
	WalletCreationMaxBtcBalance uint64
	WalletClosureMinBtcBalance  uint64
	WalletMaxAge                uint32
	WalletMaxBtcTransfer        uint64
	WalletClosingPeriod         uint32
}

// UnpackWalletParameters is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x61ccf97a.
//
// Solidity: function walletParameters() view returns(uint32 walletCreationPeriod, uint64 walletCreationMinBtcBalance, uint64 walletCreationMaxBtcBalance, uint64 walletClosureMinBtcBalance, uint32 walletMaxAge, uint64 walletMaxBtcTransfer, uint32 walletClosingPeriod)
func (bridge *Bridge) UnpackWalletParameters(data []byte) (WalletParametersOutput, error) {
	out, err := bridge.abi.Unpack("walletParameters", data)
	outstruct := new(WalletParametersOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.WalletCreationPeriod = *abi.ConvertType(out[0], new(uint32)).(*uint32)
	outstruct.WalletCreationMinBtcBalance = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.WalletCreationMaxBtcBalance = *abi.ConvertType(out[2], new(uint64)).(*uint64)
	outstruct.WalletClosureMinBtcBalance = *abi.ConvertType(out[3], new(uint64)).(*uint64)
	outstruct.WalletMaxAge = *abi.ConvertType(out[4], new(uint32)).(*uint32)
	outstruct.WalletMaxBtcTransfer = *abi.ConvertType(out[5], new(uint64)).(*uint64)
	outstruct.WalletClosingPeriod = *abi.ConvertType(out[6], new(uint32)).(*uint32)
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
	ABI: "[{\"inputs\":[],\"name\":\"DEPOSIT_MIN_AGE\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"DEPOSIT_REFUND_SAFETY_MARGIN\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"DEPOSIT_SWEEP_MAX_SIZE\",\"outputs\":[{\"internalType\":\"uint16\",\"name\":\"\",\"type\":\"uint16\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"REDEMPTION_MAX_SIZE\",\"outputs\":[{\"internalType\":\"uint16\",\"name\":\"\",\"type\":\"uint16\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"REDEMPTION_REQUEST_MIN_AGE\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN\",\"outputs\":[{\"internalType\":\"uint32\",\"name\":\"\",\"type\":\"uint32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"bridge\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"fundingTxHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"fundingOutputIndex\",\"type\":\"uint32\"}],\"internalType\":\"structDepositKey[]\",\"name\":\"depositsKeys\",\"type\":\"tuple[]\"},{\"internalType\":\"uint256\",\"name\":\"sweepTxFee\",\"type\":\"uint256\"},{\"internalType\":\"uint256[]\",\"name\":\"depositsRevealBlocks\",\"type\":\"uint256[]\"}],\"internalType\":\"structDepositSweepProposal\",\"name\":\"proposal\",\"type\":\"tuple\"},{\"components\":[{\"components\":[{\"internalType\":\"bytes4\",\"name\":\"version\",\"type\":\"bytes4\"},{\"internalType\":\"bytes\",\"name\":\"inputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes\",\"name\":\"outputVector\",\"type\":\"bytes\"},{\"internalType\":\"bytes4\",\"name\":\"locktime\",\"type\":\"bytes4\"}],\"internalType\":\"structTxInfo\",\"name\":\"fundingTx\",\"type\":\"tuple\"},{\"internalType\":\"bytes8\",\"name\":\"blindingFactor\",\"type\":\"bytes8\"},{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes20\",\"name\":\"refundPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes4\",\"name\":\"refundLocktime\",\"type\":\"bytes4\"}],\"internalType\":\"structDepositExtraInfo[]\",\"name\":\"depositsExtraInfo\",\"type\":\"tuple[]\"}],\"name\":\"validateDepositSweepProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes\",\"name\":\"message\",\"type\":\"bytes\"}],\"internalType\":\"structHeartbeatProposal\",\"name\":\"proposal\",\"type\":\"tuple\"}],\"name\":\"validateHeartbeatProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes32\",\"name\":\"movingFundsTxHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"movingFundsTxOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint256\",\"name\":\"movedFundsSweepTxFee\",\"type\":\"uint256\"}],\"internalType\":\"structMovedFundsSweepProposal\",\"name\":\"proposal\",\"type\":\"tuple\"}],\"name\":\"validateMovedFundsSweepProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes20[]\",\"name\":\"targetWallets\",\"type\":\"bytes20[]\"},{\"internalType\":\"uint256\",\"name\":\"movingFundsTxFee\",\"type\":\"uint256\"}],\"internalType\":\"structMovingFundsProposal\",\"name\":\"proposal\",\"type\":\"tuple\"},{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"txHash\",\"type\":\"bytes32\"},{\"internalType\":\"uint32\",\"name\":\"txOutputIndex\",\"type\":\"uint32\"},{\"internalType\":\"uint64\",\"name\":\"txOutputValue\",\"type\":\"uint64\"}],\"internalType\":\"structUtxo\",\"name\":\"walletMainUtxo\",\"type\":\"tuple\"}],\"name\":\"validateMovingFundsProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes20\",\"name\":\"walletPubKeyHash\",\"type\":\"bytes20\"},{\"internalType\":\"bytes[]\",\"name\":\"redeemersOutputScripts\",\"type\":\"bytes[]\"},{\"internalType\":\"uint256\",\"name\":\"redemptionTxFee\",\"type\":\"uint256\"}],\"internalType\":\"structRedemptionProposal\",\"name\":\"proposal\",\"type\":\"tuple\"}],\"name\":\"validateRedemptionProposal\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"}]",
	ID:  "WalletProposalValidator",
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
// Solidity: function validateHeartbeatProposal((bytes20,bytes) proposal) view returns(bool)
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
// Solidity: function validateHeartbeatProposal((bytes20,bytes) proposal) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateHeartbeatProposal(proposal HeartbeatProposal) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateHeartbeatProposal", proposal)
}

// UnpackValidateHeartbeatProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf03a4bc5.
//
// Solidity: function validateHeartbeatProposal((bytes20,bytes) proposal) view returns(bool)
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
// Solidity: function validateMovingFundsProposal((bytes20,bytes20[],uint256) proposal, (bytes32,uint32,uint64) walletMainUtxo) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) PackValidateMovingFundsProposal(proposal MovingFundsProposal, walletMainUtxo Utxo) []byte {
	enc, err := walletProposalValidator.abi.Pack("validateMovingFundsProposal", proposal, walletMainUtxo)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackValidateMovingFundsProposal is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x9b337db2.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function validateMovingFundsProposal((bytes20,bytes20[],uint256) proposal, (bytes32,uint32,uint64) walletMainUtxo) view returns(bool)
func (walletProposalValidator *WalletProposalValidator) TryPackValidateMovingFundsProposal(proposal MovingFundsProposal, walletMainUtxo Utxo) ([]byte, error) {
	return walletProposalValidator.abi.Pack("validateMovingFundsProposal", proposal, walletMainUtxo)
}

// UnpackValidateMovingFundsProposal is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x9b337db2.
//
// Solidity: function validateMovingFundsProposal((bytes20,bytes20[],uint256) proposal, (bytes32,uint32,uint64) walletMainUtxo) view returns(bool)
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
