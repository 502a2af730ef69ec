package tbtc

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/stretchr/testify/require"
)

// The surface of the deployed contracts, as they publish it. A slip in interfaces.sol would give a selector that
// no contract answers to, or a tuple read at the wrong offsets.
var (
	bridgeSurface = []string{
		"event DepositRevealed(bytes32,uint32,address indexed,uint64,bytes8,bytes20 indexed,bytes20,bytes4,address)",
		"event DepositsSwept(bytes20,bytes32)",
		"event MovingFundsCommitmentSubmitted(bytes20 indexed,bytes20[],address)",
		"event MovingFundsCompleted(bytes20 indexed,bytes32)",
		"event NewWalletRegistered(bytes32 indexed,bytes20 indexed)",
		"event RedemptionRequested(bytes20 indexed,bytes,address indexed,uint64,uint64,uint64)",
		"event RedemptionTimedOut(bytes20 indexed,bytes)",
		"event RedemptionsCompleted(bytes20 indexed,bytes32)",
		"event WalletClosed(bytes32 indexed,bytes20 indexed)",
		"event WalletClosing(bytes32 indexed,bytes20 indexed)",
		"event WalletMovingFunds(bytes32 indexed,bytes20 indexed)",
		"event WalletTerminated(bytes32 indexed,bytes20 indexed)",
		"function contractReferences()(address,address,address,address)",
		"function depositParameters()(uint64,uint64,uint64,uint32)",
		"function deposits(uint256)((address,uint64,uint32,address,uint64,uint32,bytes32))",
		"function getRedemptionWatchtower()(address)",
		"function liveWalletsCount()(uint32)",
		"function movedFundsSweepRequests(uint256)((bytes20,uint64,uint32,uint8))",
		"function movingFundsParameters()(uint64,uint64,uint32,uint32,uint96,uint32,uint16,uint64,uint32,uint96,uint32)",
		"function pendingRedemptions(uint256)((address,uint64,uint64,uint64,uint32))",
		"function redemptionParameters()(uint64,uint64,uint64,uint64,uint32,uint96,uint32)",
		"function requestRedemption(bytes20,(bytes32,uint32,uint64),bytes,uint64)()",
		"function revealDeposit((bytes4,bytes,bytes,bytes4),(uint32,bytes8,bytes20,bytes20,bytes4,address))()",
		"function submitMovingFundsCommitment(bytes20,(bytes32,uint32,uint64),uint32[],uint256,bytes20[])()",
		"function walletParameters()(uint32,uint64,uint64,uint64,uint32,uint64,uint32)",
		"function wallets(bytes20)((bytes32,bytes32,uint64,uint32,uint32,uint32,uint32,uint8,bytes32))",
	}
	validatorSurface = []string{
		"function DEPOSIT_MIN_AGE()(uint32)",
		"function DEPOSIT_REFUND_SAFETY_MARGIN()(uint32)",
		"function DEPOSIT_SWEEP_MAX_SIZE()(uint16)",
		"function REDEMPTION_MAX_SIZE()(uint16)",
		"function REDEMPTION_REQUEST_MIN_AGE()(uint32)",
		"function REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN()(uint32)",
		"function bridge()(address)",
		"function validateDepositSweepProposal((bytes20,(bytes32,uint32)[],uint256,uint256[]),((bytes4,bytes,bytes,bytes4),bytes8,bytes20,bytes20,bytes4)[])(bool)",
		"function validateHeartbeatProposal((bytes20,bytes))(bool)",
		"function validateMovedFundsSweepProposal((bytes20,bytes32,uint32,uint256))(bool)",
		"function validateMovingFundsProposal((bytes20,bytes20[],uint256),(bytes32,uint32,uint64))(bool)",
		"function validateRedemptionProposal((bytes20,bytes[],uint256))(bool)",
	}
)

func TestBindingHasTheSurfaceOfTheDeployedContracts(t *testing.T) {
	bridge, validator := NewBridge(), NewWalletProposalValidator()
	require.ElementsMatch(t, bridgeSurface, surface(bridge.GetABI()))
	require.ElementsMatch(t, validatorSurface, surface(validator.GetABI()))
}

// surface lists what decides an encoding: names, types, which event arguments are topics, and return types.
func surface(parsed abi.ABI) []string {
	var lines []string
	for _, e := range parsed.Events {
		lines = append(lines, "event "+e.Name+arguments(e.Inputs))
	}
	for _, m := range parsed.Methods {
		lines = append(lines, "function "+m.Name+arguments(m.Inputs)+arguments(m.Outputs))
	}
	return lines
}

func arguments(args abi.Arguments) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = arg.Type.String()
		if arg.Indexed {
			texts[i] += " indexed"
		}
	}
	return "(" + strings.Join(texts, ",") + ")"
}
