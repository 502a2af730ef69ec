package sim

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"sync"

	btc "github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// till is what the chain has of the wallet that signs: its main UTXO, and who wants to be paid of it.
type till struct {
	mu          sync.Mutex
	wallet      chain.WalletID
	main, other chain.UTXO              // other pays the wallet, too, and has nothing to do with main
	moved       bool                    // other is shown in place of main
	pays        bool                    // somebody wants to be paid
	standing    bool                    // and he who wanted it in each window before
	idles       map[chain.WalletID]bool // of whom nobody wants to be paid
}

// standingScript is of the redeemer who is to be paid in each window until he is: two transactions that pay him must not both be valid.
const standingScript = 255

// move has another output be the wallet's main UTXO, or no more.
func (t *till) move(moved bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moved = moved
}

// idle has nobody want to be paid of a wallet, which has no output.
func (t *till) idle(w chain.WalletID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idles == nil {
		t.idles = map[chain.WalletID]bool{}
	}
	t.idles[w] = true
}

// pending are the requests to a wallet, of which one comes anew every few blocks.
func (t *till) pending(w chain.WalletID, newest chain.RedemptionRequest) []chain.RedemptionRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.idles[w]:
		return nil
	case w != t.wallet:
		return []chain.RedemptionRequest{newest}
	case !t.pays:
		return nil
	case t.standing:
		return []chain.RedemptionRequest{newest, houseRequest(houseScript(standingScript))}
	default:
		return []chain.RedemptionRequest{newest}
	}
}

// shown is the hash of a wallet's main UTXO. A lie is what is not so now, and might be.
func (t *till) shown(w chain.WalletID, lie bool) [32]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case w != t.wallet:
		return [32]byte{}
	case t.moved != lie:
		return t.other.Hash()
	default:
		return t.main.Hash()
	}
}

// fund gives the wallet that signs two outputs, and every operator the transactions that made them.
func (h *house) fund() {
	output := func(n byte) chain.UTXO {
		tx := btc.NewMsgTx(1)
		tx.AddTxIn(&btc.TxIn{PreviousOutPoint: btc.OutPoint{Hash: [32]byte{n}, Index: 1}, SignatureScript: []byte{0x51}})
		tx.AddTxOut(btc.NewTxOut(5_000_000_000, bitcoin.ScriptOf(signer.FROST, h.signs.Key())))
		file := filepath.Join(h.dir, tx.TxHash().String()+".hex")
		require.NoError(h.t, os.WriteFile(file, []byte(hex.EncodeToString(bitcoin.Serialize(tx))), 0o600))
		return chain.UTXO{TxHash: tx.TxHash(), Value: 5_000_000_000}
	}
	t := h.chain.till
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wallet, t.main, t.other = h.signs.ID(), output(1), output(2)
}

// demand has somebody want to be paid in a window, or a heartbeat be signed there, as the seed says. In a calm window nobody wants what was
// perhaps paid before, out of another output.
func (h *house) demand(window chain.Height, calm bool) {
	t := h.chain.till
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pays, t.standing = demanded(h.seed, window), !calm
}

func demanded(seed uint64, window chain.Height) bool {
	return digestOf(seed, "demand", window)[0]%4 != 0
}

func settled(seed uint64, window chain.Height) bool {
	return digestOf(seed, "settle", window)[0]%2 == 0
}

// settle confirms what was signed in a window, as the seed says: then the change is the main UTXO. Otherwise what is signed next replaces it.
func (h *house) settle(window chain.Height) {
	t := h.chain.till
	raw, ok := h.record.paid[window]
	if !ok || !settled(h.seed, window) {
		return
	}
	tx := must(bitcoin.Parse(raw))
	t.mu.Lock()
	defer t.mu.Unlock()
	if in := tx.TxIn[0].PreviousOutPoint; in == (btc.OutPoint{Hash: t.main.TxHash, Index: t.main.Index}) {
		t.main = chain.UTXO{TxHash: tx.TxHash(), Value: uint64(tx.TxOut[0].Value)} //nolint:gosec // positive
	}
}

// pledged is told of each transaction that a backend has begun to sign. What pays somebody a second time is confirmed together with what paid
// him the first time, or instead of it.
func (r *record) pledged(backend string, raw []byte) {
	tx := must(bitcoin.ParseUnsigned(raw))
	r.mu.Lock()
	defer r.mu.Unlock()
	hash := tx.TxHash()
	if slices.ContainsFunc(r.pledges[backend], func(earlier *btc.MsgTx) bool { return earlier.TxHash() == hash }) {
		return
	}
	r.known[hash] = tx
	for _, earlier := range r.pledges[backend] {
		if payBoth(earlier, tx) && !r.excludes(earlier, tx) {
			r.wrong("one signature: %s signs %v, which pays whom %v paid and shares no input with it", backend, hash, earlier.TxHash())
		}
	}
	r.pledges[backend] = append(r.pledges[backend], tx)
}

// payBoth reports whether two transactions pay one redeemer.
func payBoth(a, b *btc.MsgTx) bool {
	return slices.ContainsFunc(a.TxOut, func(out *btc.TxOut) bool {
		return len(out.PkScript) == len(houseScript(0)) && slices.ContainsFunc(b.TxOut, func(other *btc.TxOut) bool {
			return string(out.PkScript) == string(other.PkScript)
		})
	})
}

// excludes reports whether a transaction, with all that it builds on, spends what an earlier one spends, or an output of that one.
func (r *record) excludes(earlier, later *btc.MsgTx) bool {
	return slices.ContainsFunc(later.TxIn, func(in *btc.TxIn) bool {
		at := in.PreviousOutPoint
		if at.Hash == earlier.TxHash() || slices.ContainsFunc(earlier.TxIn, func(in *btc.TxIn) bool { return in.PreviousOutPoint == at }) {
			return true
		}
		parent := r.known[at.Hash]
		return parent != nil && r.excludes(earlier, parent)
	})
}
