// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// The part of the tBTC v2 contracts that a coordination node touches, as signatures. The node's Go binding is
// generated from here, and the devnet's contracts implement these interfaces, so that one adapter serves both.
//
// Amounts are satoshi, timestamps UNIX seconds, Bitcoin hashes in internal byte order.

struct Utxo {
    bytes32 txHash;
    uint32 txOutputIndex;
    uint64 txOutputValue;
}

struct TxInfo {
    bytes4 version;
    bytes inputVector;
    bytes outputVector;
    bytes4 locktime;
}

struct DepositReveal {
    uint32 fundingOutputIndex;
    bytes8 blindingFactor;
    bytes20 walletPubKeyHash;
    bytes20 refundPubKeyHash;
    bytes4 refundLocktime;
    address vault;
}

struct DepositRequest {
    address depositor;
    uint64 amount;
    uint32 revealedAt;
    address vault;
    uint64 treasuryFee;
    uint32 sweptAt;
    bytes32 extraData;
}

struct RedemptionRequest {
    address redeemer;
    uint64 requestedAmount;
    uint64 treasuryFee;
    uint64 txMaxFee;
    uint32 requestedAt;
}

struct MovedFundsSweepRequest {
    bytes20 walletPubKeyHash;
    uint64 value;
    uint32 createdAt;
    uint8 state;
}

// state: 0 Unknown, 1 Live, 2 MovingFunds, 3 Closing, 4 Closed, 5 Terminated.
struct Wallet {
    bytes32 ecdsaWalletID;
    bytes32 mainUtxoHash;
    uint64 pendingRedemptionsValue;
    uint32 createdAt;
    uint32 movingFundsRequestedAt;
    uint32 closingStartedAt;
    uint32 pendingMovedFundsSweepRequestsCount;
    uint8 state;
    bytes32 movingFundsTargetWalletsCommitmentHash;
}

struct DepositKey {
    bytes32 fundingTxHash;
    uint32 fundingOutputIndex;
}

struct DepositExtraInfo {
    TxInfo fundingTx;
    bytes8 blindingFactor;
    bytes20 walletPubKeyHash;
    bytes20 refundPubKeyHash;
    bytes4 refundLocktime;
}

struct HeartbeatProposal {
    bytes20 walletPubKeyHash;
    bytes message;
}

struct DepositSweepProposal {
    bytes20 walletPubKeyHash;
    DepositKey[] depositsKeys;
    uint256 sweepTxFee;
    uint256[] depositsRevealBlocks;
}

// Each script carries its length prefix here; the wire form of a proposal has none.
struct RedemptionProposal {
    bytes20 walletPubKeyHash;
    bytes[] redeemersOutputScripts;
    uint256 redemptionTxFee;
}

struct MovingFundsProposal {
    bytes20 walletPubKeyHash;
    bytes20[] targetWallets;
    uint256 movingFundsTxFee;
}

struct MovedFundsSweepProposal {
    bytes20 walletPubKeyHash;
    bytes32 movingFundsTxHash;
    uint32 movingFundsTxOutputIndex;
    uint256 movedFundsSweepTxFee;
}

interface IBridge {
    event DepositRevealed(
        bytes32 fundingTxHash,
        uint32 fundingOutputIndex,
        address indexed depositor,
        uint64 amount,
        bytes8 blindingFactor,
        bytes20 indexed walletPubKeyHash,
        bytes20 refundPubKeyHash,
        bytes4 refundLocktime,
        address vault
    );
    event DepositsSwept(bytes20 walletPubKeyHash, bytes32 sweepTxHash);
    event MovingFundsCommitmentSubmitted(bytes20 indexed walletPubKeyHash, bytes20[] targetWallets, address submitter);
    event MovingFundsCompleted(bytes20 indexed walletPubKeyHash, bytes32 movingFundsTxHash);
    event NewWalletRegistered(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash);
    event RedemptionRequested(
        bytes20 indexed walletPubKeyHash,
        bytes redeemerOutputScript,
        address indexed redeemer,
        uint64 requestedAmount,
        uint64 treasuryFee,
        uint64 txMaxFee
    );
    event RedemptionTimedOut(bytes20 indexed walletPubKeyHash, bytes redeemerOutputScript);
    event RedemptionsCompleted(bytes20 indexed walletPubKeyHash, bytes32 redemptionTxHash);
    event WalletClosed(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash);
    event WalletClosing(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash);
    event WalletMovingFunds(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash);
    event WalletTerminated(bytes32 indexed ecdsaWalletID, bytes20 indexed walletPubKeyHash);

    function contractReferences()
        external
        view
        returns (address bank, address relay, address ecdsaWalletRegistry, address reimbursementPool);

    function depositParameters()
        external
        view
        returns (
            uint64 depositDustThreshold,
            uint64 depositTreasuryFeeDivisor,
            uint64 depositTxMaxFee,
            uint32 depositRevealAheadPeriod
        );

    // depositKey = uint256(keccak256(fundingTxHash ++ fundingOutputIndex as uint32)).
    function deposits(uint256 depositKey) external view returns (DepositRequest memory);

    function getRedemptionWatchtower() external view returns (address);

    function liveWalletsCount() external view returns (uint32);

    // requestKey = uint256(keccak256(movingFundsTxHash ++ outputIndex as uint32)).
    function movedFundsSweepRequests(uint256 requestKey) external view returns (MovedFundsSweepRequest memory);

    function movingFundsParameters()
        external
        view
        returns (
            uint64 movingFundsTxMaxTotalFee,
            uint64 movingFundsDustThreshold,
            uint32 movingFundsTimeoutResetDelay,
            uint32 movingFundsTimeout,
            uint96 movingFundsTimeoutSlashingAmount,
            uint32 movingFundsTimeoutNotifierRewardMultiplier,
            uint16 movingFundsCommitmentGasOffset,
            uint64 movedFundsSweepTxMaxTotalFee,
            uint32 movedFundsSweepTimeout,
            uint96 movedFundsSweepTimeoutSlashingAmount,
            uint32 movedFundsSweepTimeoutNotifierRewardMultiplier
        );

    // redemptionKey = uint256(keccak256(keccak256(script with length prefix) ++ walletPubKeyHash)).
    function pendingRedemptions(uint256 redemptionKey) external view returns (RedemptionRequest memory);

    function redemptionParameters()
        external
        view
        returns (
            uint64 redemptionDustThreshold,
            uint64 redemptionTreasuryFeeDivisor,
            uint64 redemptionTxMaxFee,
            uint64 redemptionTxMaxTotalFee,
            uint32 redemptionTimeout,
            uint96 redemptionTimeoutSlashingAmount,
            uint32 redemptionTimeoutNotifierRewardMultiplier
        );

    function requestRedemption(
        bytes20 walletPubKeyHash,
        Utxo calldata mainUtxo,
        bytes calldata redeemerOutputScript,
        uint64 amount
    ) external;

    function revealDeposit(TxInfo calldata fundingTx, DepositReveal calldata reveal) external;

    function submitMovingFundsCommitment(
        bytes20 walletPubKeyHash,
        Utxo calldata walletMainUtxo,
        uint32[] calldata walletMembersIDs,
        uint256 walletMemberIndex,
        bytes20[] calldata targetWallets
    ) external;

    function walletParameters()
        external
        view
        returns (
            uint32 walletCreationPeriod,
            uint64 walletCreationMinBtcBalance,
            uint64 walletCreationMaxBtcBalance,
            uint64 walletClosureMinBtcBalance,
            uint32 walletMaxAge,
            uint64 walletMaxBtcTransfer,
            uint32 walletClosingPeriod
        );

    function wallets(bytes20 walletPubKeyHash) external view returns (Wallet memory);
}

// A refusal is a revert with a reason, never the value false.
interface IWalletProposalValidator {
    function DEPOSIT_MIN_AGE() external view returns (uint32);

    function DEPOSIT_REFUND_SAFETY_MARGIN() external view returns (uint32);

    function DEPOSIT_SWEEP_MAX_SIZE() external view returns (uint16);

    function REDEMPTION_MAX_SIZE() external view returns (uint16);

    function REDEMPTION_REQUEST_MIN_AGE() external view returns (uint32);

    function REDEMPTION_REQUEST_TIMEOUT_SAFETY_MARGIN() external view returns (uint32);

    function bridge() external view returns (address);

    function validateDepositSweepProposal(
        DepositSweepProposal calldata proposal,
        DepositExtraInfo[] calldata depositsExtraInfo
    ) external view returns (bool);

    function validateHeartbeatProposal(HeartbeatProposal calldata proposal) external view returns (bool);

    function validateMovedFundsSweepProposal(MovedFundsSweepProposal calldata proposal) external view returns (bool);

    function validateMovingFundsProposal(
        MovingFundsProposal calldata proposal,
        Utxo calldata walletMainUtxo
    ) external view returns (bool);

    function validateRedemptionProposal(RedemptionProposal calldata proposal) external view returns (bool);
}
