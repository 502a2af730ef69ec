package evidence

import "github.com/walletnode/walletnode/chain"

// Verify decodes a proof and checks it against a list of operators that the verifier trusts: the chain and the wallet must be
// those of the list, and the accused must hold a seat. Heads are of an operator and no one wallet: the list of any wallet in which it
// holds a seat will do, and others cannot judge them. Errors are a *Refusal; what was decoded is returned beside those
// that the list led to, and the zero Proof beside others.
func Verify(data []byte, trusted Operators) (Proof, error) {
	p, err := Decode(data)
	if err != nil {
		return Proof{}, err
	}
	slot := p.Slot()
	switch {
	case p.Chain != trusted.Chain:
		return p, refuse(OtherChain, "the proof is of chain %d, the list of operators of chain %d", p.Chain, trusted.Chain)
	case slot.Wallet == chain.WalletID{} && !trusted.Wallet.Holds(slot.Operator):
		return p, refuse(OtherList, "%v holds no seat of wallet %v: take the list of a wallet in which it does", slot.Operator, trusted.Wallet.ID())
	case slot.Wallet == chain.WalletID{}:
		return p, nil
	case slot.Wallet != trusted.Wallet.ID():
		return p, refuse(OtherWallet, "the proof is about wallet %v, the list of operators about %v", slot.Wallet, trusted.Wallet.ID())
	case !trusted.Wallet.Holds(slot.Operator):
		return p, refuse(NotAMember, "%v holds no seat of wallet %v", slot.Operator, slot.Wallet)
	}
	return p, nil
}
