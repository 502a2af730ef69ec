// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import "tbtc/interfaces.sol";

/// The devnet's stand-in for tBTC's WalletProposalValidator: the same rules and the same words of refusal where
/// a devnet proposal can meet them. What needs Bitcoin (a deposit's script, a wallet's main UTXO) is not checked.
contract WalletProposalValidator is IWalletProposalValidator {
    uint32 public constant DEPOSIT_MIN_AGE = 2 hours;
    uint32 public constant DEPOSIT_REFUND_SAFETY_MARGIN = 24 hours;
    uint16 public constant DEPOSIT_SWEEP_MAX_SIZE = 20;
    uint32 public constant REDEMPTION_REQUEST_MIN_AGE = 600;
    uint32 public constant REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN = 2 hours;
    uint16 public constant REDEMPTION_MAX_SIZE = 20;

    uint8 internal constant LIVE = 1;
    uint8 internal constant MOVING_FUNDS = 2;
    uint8 internal constant SWEEP_PENDING = 1;

    IBridge internal immutable source;

    constructor(IBridge bridge_) {
        source = bridge_;
    }

    function bridge() external view returns (address) {
        return address(source);
    }

    function validateHeartbeatProposal(HeartbeatProposal calldata proposal) external pure returns (bool) {
        require(
            proposal.message.length == 16 && bytes8(proposal.message[:8]) == bytes8(type(uint64).max),
            "Not a valid heartbeat message"
        );
        return true;
    }

    function validateRedemptionProposal(RedemptionProposal calldata proposal) external view returns (bool) {
        requireLiveOrMovingFunds(proposal.walletPubKeyHash);
        uint256 count = proposal.redeemersOutputScripts.length;
        require(count > 0, "Redemption below the min size");
        require(count <= REDEMPTION_MAX_SIZE, "Redemption exceeds the max size");
        (, , , uint64 txMaxTotalFee, uint32 timeout, , ) = source.redemptionParameters();
        requireFee(proposal.redemptionTxFee, txMaxTotalFee);

        uint256 share = proposal.redemptionTxFee / count;
        uint256[] memory keys = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            keys[i] = uint256(
                keccak256(
                    abi.encodePacked(keccak256(proposal.redeemersOutputScripts[i]), proposal.walletPubKeyHash)
                )
            );
            RedemptionRequest memory request = source.pendingRedemptions(keys[i]);
            require(request.requestedAt != 0, "Not a pending redemption request");
            require(
                block.timestamp > request.requestedAt + REDEMPTION_REQUEST_MIN_AGE,
                "Redemption request min age not achieved yet"
            );
            require(
                block.timestamp < request.requestedAt + timeout - REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN,
                "Redemption request timeout safety margin is not preserved"
            );
            // The last request bears what the division leaves over.
            uint256 own = i == count - 1 ? share + (proposal.redemptionTxFee % count) : share;
            require(own <= request.txMaxFee, "Proposed transaction per-request fee share is too high");
            for (uint256 j = 0; j < i; j++) {
                require(keys[j] != keys[i], "Duplicated request");
            }
        }
        return true;
    }

    function validateDepositSweepProposal(
        DepositSweepProposal calldata proposal,
        DepositExtraInfo[] calldata depositsExtraInfo
    ) external view returns (bool) {
        requireLiveOrMovingFunds(proposal.walletPubKeyHash);
        uint256 count = proposal.depositsKeys.length;
        require(count > 0, "Sweep below the min size");
        require(count <= DEPOSIT_SWEEP_MAX_SIZE, "Sweep exceeds the max size");
        require(count == depositsExtraInfo.length, "Each deposit key must have matching extra info");
        (, , uint64 txMaxFee, ) = source.depositParameters();
        require(proposal.sweepTxFee > 0, "Proposed transaction fee cannot be zero");
        // The fee falls on the deposits alike, each bears txMaxFee at most.
        require(proposal.sweepTxFee <= uint256(txMaxFee) * count, "Proposed transaction fee is too high");
        for (uint256 i = 0; i < count; i++) {
            requireDeposit(proposal, depositsExtraInfo[i], i);
        }
        return true;
    }

    function validateMovingFundsProposal(
        MovingFundsProposal calldata proposal,
        Utxo calldata
    ) external view returns (bool) {
        Wallet memory wallet = source.wallets(proposal.walletPubKeyHash);
        require(wallet.state == MOVING_FUNDS, "Source wallet is not in MovingFunds state");
        require(
            wallet.movingFundsTargetWalletsCommitmentHash == keccak256(abi.encodePacked(proposal.targetWallets)),
            "Target wallets do not match target wallets commitment"
        );
        (uint64 txMaxTotalFee, , , , , , , , , , ) = source.movingFundsParameters();
        requireFee(proposal.movingFundsTxFee, txMaxTotalFee);
        return true;
    }

    function validateMovedFundsSweepProposal(MovedFundsSweepProposal calldata proposal) external view returns (bool) {
        requireLiveOrMovingFunds(proposal.walletPubKeyHash);
        MovedFundsSweepRequest memory request = source.movedFundsSweepRequests(
            uint256(keccak256(abi.encodePacked(proposal.movingFundsTxHash, proposal.movingFundsTxOutputIndex)))
        );
        require(request.state == SWEEP_PENDING, "Sweep request is not in Pending state");
        require(
            request.walletPubKeyHash == proposal.walletPubKeyHash,
            "Sweep request does not belong to the wallet"
        );
        (, , , , , , , uint64 txMaxTotalFee, , , ) = source.movingFundsParameters();
        requireFee(proposal.movedFundsSweepTxFee, txMaxTotalFee);
        return true;
    }

    function requireLiveOrMovingFunds(bytes20 walletPubKeyHash) internal view {
        uint8 state = source.wallets(walletPubKeyHash).state;
        require(state == LIVE || state == MOVING_FUNDS, "Wallet is not in Live or MovingFunds state");
    }

    function requireFee(uint256 fee, uint64 most) internal pure {
        require(fee > 0, "Proposed transaction fee cannot be zero");
        require(fee <= most, "Proposed transaction fee is too high");
    }

    function requireDeposit(
        DepositSweepProposal calldata proposal,
        DepositExtraInfo calldata info,
        uint256 index
    ) internal view {
        DepositKey calldata key = proposal.depositsKeys[index];
        DepositRequest memory deposit = source.deposits(
            uint256(keccak256(abi.encodePacked(key.fundingTxHash, key.fundingOutputIndex)))
        );
        require(deposit.revealedAt != 0, "Deposit not revealed");
        require(block.timestamp > deposit.revealedAt + DEPOSIT_MIN_AGE, "Deposit min age not achieved yet");
        require(deposit.sweptAt == 0, "Deposit already swept");
        require(info.walletPubKeyHash == proposal.walletPubKeyHash, "Deposit controlled by different wallet");
        require(
            block.timestamp < littleEndian(info.refundLocktime) - DEPOSIT_REFUND_SAFETY_MARGIN,
            "Deposit refund safety margin is not preserved"
        );
        for (uint256 j = 0; j < index; j++) {
            DepositKey calldata other = proposal.depositsKeys[j];
            require(
                other.fundingTxHash != key.fundingTxHash || other.fundingOutputIndex != key.fundingOutputIndex,
                "Duplicated deposit"
            );
        }
    }

    /// Bitcoin writes the locktime as four bytes, lowest first.
    function littleEndian(bytes4 b) internal pure returns (uint256) {
        uint32 v = uint32(b);
        return ((v & 0xff) << 24) | ((v & 0xff00) << 8) | ((v >> 8) & 0xff00) | (v >> 24);
    }
}
