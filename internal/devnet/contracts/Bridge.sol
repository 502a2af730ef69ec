// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import "tbtc/interfaces.sol";

/// The devnet's stand-in for tBTC's Bridge. It keeps the state that a coordination node reads, with the keys,
/// events and parameters of the original, and no Bitcoin behind it: a wallet's main UTXO is what the deployer says.
/// The deployer plays the rest of the protocol through the functions marked devnet-only.
contract Bridge is IBridge {
    uint8 internal constant UNKNOWN = 0;
    uint8 internal constant LIVE = 1;
    uint8 internal constant MOVING_FUNDS = 2;
    uint8 internal constant CLOSING = 3;
    uint8 internal constant CLOSED = 4;
    uint8 internal constant TERMINATED = 5;

    uint8 internal constant SWEEP_PENDING = 1;

    // Redemption terms: 0.01 BTC at least, 1/2000 to the treasury, miners' fee per request and per transaction.
    uint64 internal constant REDEMPTION_DUST = 1_000_000;
    uint64 internal constant REDEMPTION_TREASURY_DIVISOR = 2000;
    uint64 internal constant REDEMPTION_TX_MAX_FEE = 100_000;
    uint64 internal constant REDEMPTION_TX_MAX_TOTAL_FEE = 1_000_000;
    // Five days of chain time: 480 windows at one second a block, so a devnet run does not see it pass by itself.
    uint32 internal constant REDEMPTION_TIMEOUT = 5 days;

    uint64 internal constant DEPOSIT_DUST = 1_000_000;
    uint64 internal constant DEPOSIT_TREASURY_DIVISOR = 2000;
    uint64 internal constant DEPOSIT_TX_MAX_FEE = 100_000;
    uint32 internal constant DEPOSIT_REVEAL_AHEAD = 15 days;

    address public immutable admin;
    uint32 public liveWalletsCount;

    mapping(bytes20 => Wallet) internal walletOf;
    mapping(uint256 => RedemptionRequest) internal redemptionOf;
    mapping(uint256 => DepositRequest) internal depositOf;
    mapping(uint256 => MovedFundsSweepRequest) internal sweepOf;

    modifier onlyAdmin() {
        require(msg.sender == admin, "Caller is not the devnet");
        _;
    }

    constructor() {
        admin = msg.sender;
    }

    // ---- what operators and users call ----

    function requestRedemption(
        bytes20 walletPubKeyHash,
        Utxo calldata,
        bytes calldata redeemerOutputScript,
        uint64 amount
    ) external {
        Wallet storage wallet = walletOf[walletPubKeyHash];
        require(wallet.state == LIVE, "Wallet must be in Live state");
        require(
            redeemerOutputScript.length > 1 && uint8(redeemerOutputScript[0]) == redeemerOutputScript.length - 1,
            "Redeemer output script must carry its length"
        );
        require(amount >= REDEMPTION_DUST, "Redemption amount too small");
        RedemptionRequest storage request = redemptionOf[redemptionKey(walletPubKeyHash, redeemerOutputScript)];
        require(
            request.requestedAt == 0,
            "There is a pending redemption request from this wallet to the same address"
        );

        uint64 treasuryFee = amount / REDEMPTION_TREASURY_DIVISOR;
        request.redeemer = msg.sender;
        request.requestedAmount = amount;
        request.treasuryFee = treasuryFee;
        request.txMaxFee = REDEMPTION_TX_MAX_FEE;
        request.requestedAt = uint32(block.timestamp);
        wallet.pendingRedemptionsValue += amount - treasuryFee;
        emit RedemptionRequested(
            walletPubKeyHash,
            redeemerOutputScript,
            msg.sender,
            amount,
            treasuryFee,
            REDEMPTION_TX_MAX_FEE
        );
    }

    function revealDeposit(TxInfo calldata fundingTx, DepositReveal calldata reveal) external {
        require(walletOf[reveal.walletPubKeyHash].state == LIVE, "Wallet must be in Live state");
        uint64 amount = outputValue(fundingTx.outputVector, reveal.fundingOutputIndex);
        require(amount >= DEPOSIT_DUST, "Deposit amount too small");
        bytes32 txHash = transactionHash(fundingTx);
        DepositRequest storage deposit = depositOf[outputKey(txHash, reveal.fundingOutputIndex)];
        require(deposit.revealedAt == 0, "Deposit already revealed");

        deposit.depositor = msg.sender;
        deposit.amount = amount;
        deposit.revealedAt = uint32(block.timestamp);
        deposit.vault = reveal.vault;
        deposit.treasuryFee = amount / DEPOSIT_TREASURY_DIVISOR;
        emit DepositRevealed(
            txHash,
            reveal.fundingOutputIndex,
            msg.sender,
            amount,
            reveal.blindingFactor,
            reveal.walletPubKeyHash,
            reveal.refundPubKeyHash,
            reveal.refundLocktime,
            reveal.vault
        );
    }

    function submitMovingFundsCommitment(
        bytes20 walletPubKeyHash,
        Utxo calldata,
        uint32[] calldata,
        uint256,
        bytes20[] calldata targetWallets
    ) external {
        Wallet storage wallet = walletOf[walletPubKeyHash];
        require(wallet.state == MOVING_FUNDS, "Source wallet must be in MovingFunds state");
        require(wallet.movingFundsTargetWalletsCommitmentHash == bytes32(0), "Target wallets commitment already submitted");
        wallet.movingFundsTargetWalletsCommitmentHash = keccak256(abi.encodePacked(targetWallets));
        emit MovingFundsCommitmentSubmitted(walletPubKeyHash, targetWallets, msg.sender);
    }

    // ---- devnet-only: the parts of the protocol that the deployer plays ----

    /// A key generation ended: the wallet is live.
    function registerWallet(bytes32 ecdsaWalletID, bytes20 walletPubKeyHash) external onlyAdmin {
        Wallet storage wallet = walletOf[walletPubKeyHash];
        require(wallet.state == UNKNOWN, "Wallet already registered");
        wallet.ecdsaWalletID = ecdsaWalletID;
        wallet.createdAt = uint32(block.timestamp);
        wallet.state = LIVE;
        liveWalletsCount++;
        emit NewWalletRegistered(ecdsaWalletID, walletPubKeyHash);
    }

    /// Moves a wallet through its life without the proofs that the original asks for.
    function setWalletState(bytes20 walletPubKeyHash, uint8 state) external onlyAdmin {
        Wallet storage wallet = walletOf[walletPubKeyHash];
        require(wallet.state != UNKNOWN, "Wallet is not registered");
        require(state > UNKNOWN && state <= TERMINATED, "No such wallet state");
        if (wallet.state == LIVE) liveWalletsCount--;
        if (state == LIVE) liveWalletsCount++;
        wallet.state = state;
        if (state == MOVING_FUNDS) {
            wallet.movingFundsRequestedAt = uint32(block.timestamp);
            emit WalletMovingFunds(wallet.ecdsaWalletID, walletPubKeyHash);
        } else if (state == CLOSING) {
            wallet.closingStartedAt = uint32(block.timestamp);
            emit WalletClosing(wallet.ecdsaWalletID, walletPubKeyHash);
        } else if (state == CLOSED) {
            emit WalletClosed(wallet.ecdsaWalletID, walletPubKeyHash);
        } else if (state == TERMINATED) {
            emit WalletTerminated(wallet.ecdsaWalletID, walletPubKeyHash);
        }
    }

    /// Closes a request as timed out, whatever its age.
    function notifyRedemptionTimeout(bytes20 walletPubKeyHash, bytes calldata redeemerOutputScript) external onlyAdmin {
        closeRedemption(walletPubKeyHash, redeemerOutputScript);
        emit RedemptionTimedOut(walletPubKeyHash, redeemerOutputScript);
    }

    /// Closes requests as paid by one Bitcoin transaction.
    function completeRedemptions(
        bytes20 walletPubKeyHash,
        bytes[] calldata redeemersOutputScripts,
        bytes32 redemptionTxHash
    ) external onlyAdmin {
        for (uint256 i = 0; i < redeemersOutputScripts.length; i++) {
            closeRedemption(walletPubKeyHash, redeemersOutputScripts[i]);
        }
        emit RedemptionsCompleted(walletPubKeyHash, redemptionTxHash);
    }

    /// Gives a wallet its main UTXO, as the proof of a deposit sweep would; a value of 0 takes it away.
    function setMainUtxo(bytes20 walletPubKeyHash, Utxo calldata mainUtxo) external onlyAdmin {
        require(walletOf[walletPubKeyHash].state != UNKNOWN, "Wallet is not registered");
        storeMainUtxo(walletPubKeyHash, mainUtxo);
    }

    /// Closes requests as paid by the Bitcoin transaction that spent the main UTXO, as the proof of it does. The change
    /// is the new main UTXO; a value of 0 says that there was none.
    function settleRedemptions(
        bytes20 walletPubKeyHash,
        bytes[] calldata redeemersOutputScripts,
        bytes32 redemptionTxHash,
        Utxo calldata newMainUtxo
    ) external onlyAdmin {
        require(walletOf[walletPubKeyHash].mainUtxoHash != bytes32(0), "No main UTXO for given wallet");
        require(redeemersOutputScripts.length > 0, "No redemption request is paid");
        require(
            newMainUtxo.txOutputValue == 0 || newMainUtxo.txHash == redemptionTxHash,
            "The change must be of the redemption transaction"
        );
        for (uint256 i = 0; i < redeemersOutputScripts.length; i++) {
            closeRedemption(walletPubKeyHash, redeemersOutputScripts[i]);
        }
        storeMainUtxo(walletPubKeyHash, newMainUtxo);
        emit RedemptionsCompleted(walletPubKeyHash, redemptionTxHash);
    }

    /// Another wallet moved funds to this one; they wait to be swept.
    function addMovedFunds(
        bytes20 walletPubKeyHash,
        bytes32 movingFundsTxHash,
        uint32 outputIndex,
        uint64 value
    ) external onlyAdmin {
        MovedFundsSweepRequest storage request = sweepOf[outputKey(movingFundsTxHash, outputIndex)];
        require(request.createdAt == 0, "Moved funds already known");
        request.walletPubKeyHash = walletPubKeyHash;
        request.value = value;
        request.createdAt = uint32(block.timestamp);
        request.state = SWEEP_PENDING;
        walletOf[walletPubKeyHash].pendingMovedFundsSweepRequestsCount++;
    }

    // ---- what nodes read ----

    function wallets(bytes20 walletPubKeyHash) external view returns (Wallet memory) {
        return walletOf[walletPubKeyHash];
    }

    function pendingRedemptions(uint256 key) external view returns (RedemptionRequest memory) {
        return redemptionOf[key];
    }

    function deposits(uint256 key) external view returns (DepositRequest memory) {
        return depositOf[key];
    }

    function movedFundsSweepRequests(uint256 key) external view returns (MovedFundsSweepRequest memory) {
        return sweepOf[key];
    }

    function redemptionParameters() external pure returns (uint64, uint64, uint64, uint64, uint32, uint96, uint32) {
        return (
            REDEMPTION_DUST,
            REDEMPTION_TREASURY_DIVISOR,
            REDEMPTION_TX_MAX_FEE,
            REDEMPTION_TX_MAX_TOTAL_FEE,
            REDEMPTION_TIMEOUT,
            100e18,
            100
        );
    }

    function depositParameters() external pure returns (uint64, uint64, uint64, uint32) {
        return (DEPOSIT_DUST, DEPOSIT_TREASURY_DIVISOR, DEPOSIT_TX_MAX_FEE, DEPOSIT_REVEAL_AHEAD);
    }

    function movingFundsParameters()
        external
        pure
        returns (uint64, uint64, uint32, uint32, uint96, uint32, uint16, uint64, uint32, uint96, uint32)
    {
        return (1_000_000, 200_000, 6 days, 7 weeks, 100e18, 100, 15_000, 100_000, 7 days, 100e18, 100);
    }

    function walletParameters() external pure returns (uint32, uint64, uint64, uint64, uint32, uint64, uint32) {
        return (1 weeks, 1e8, 100e8, 5e7, 26 weeks, 10e8, 40 days);
    }

    function contractReferences() external pure returns (address, address, address, address) {
        return (address(0), address(0), address(0), address(0)); // the devnet has none of them
    }

    function getRedemptionWatchtower() external pure returns (address) {
        return address(0); // none: no request is ever vetoed or delayed
    }

    // ---- internals ----

    function storeMainUtxo(bytes20 walletPubKeyHash, Utxo calldata utxo) internal {
        walletOf[walletPubKeyHash].mainUtxoHash = utxo.txOutputValue == 0
            ? bytes32(0)
            : keccak256(abi.encodePacked(utxo.txHash, utxo.txOutputIndex, utxo.txOutputValue));
    }

    function closeRedemption(bytes20 walletPubKeyHash, bytes calldata script) internal {
        uint256 key = redemptionKey(walletPubKeyHash, script);
        RedemptionRequest storage request = redemptionOf[key];
        require(request.requestedAt != 0, "Redemption request does not exist");
        walletOf[walletPubKeyHash].pendingRedemptionsValue -= request.requestedAmount - request.treasuryFee;
        delete redemptionOf[key];
    }

    function redemptionKey(bytes20 walletPubKeyHash, bytes calldata script) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(keccak256(script), walletPubKeyHash)));
    }

    function outputKey(bytes32 txHash, uint32 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(txHash, index)));
    }

    function transactionHash(TxInfo calldata info) internal pure returns (bytes32) {
        bytes memory raw = abi.encodePacked(info.version, info.inputVector, info.outputVector, info.locktime);
        return sha256(abi.encodePacked(sha256(raw)));
    }

    /// The value of one output of an output vector with fewer than 253 outputs and scripts below 253 bytes.
    function outputValue(bytes calldata vector, uint32 index) internal pure returns (uint64 value) {
        require(vector.length > 0 && index < uint8(vector[0]) && uint8(vector[0]) < 253, "No such funding output");
        uint256 at = 1;
        for (uint32 i = 0; i < index; i++) {
            at += 9 + uint8(vector[at + 8]);
        }
        for (uint256 i = 0; i < 8; i++) {
            value |= uint64(uint8(vector[at + i])) << uint64(8 * i);
        }
    }
}
