package feed

import "crypto/ed25519"

const (
	messageDomain  = "walletnode/feed/message/1\x00"
	messagesDomain = "walletnode/feed/messages/1\x00"
	witnessDomain  = "walletnode/feed/witness/1\x00"
	// MaxTogether is the most items of one signature.
	MaxTogether = 1024
	// maxTogetherPath is the most hashes of a witness's path: those of MaxTogether leaves.
	maxTogetherPath = 10
	// MaxWitness is the most bytes of a witness.
	MaxWitness = len(witnessDomain) + 1 + MaxName + 8 + 4 + 4 + 4 + maxTogetherPath*32 + ed25519.SignatureSize
)

// Witness is what the origin of an item has signed of it, alone or with others that it told at the same time: then it signed the root
// of the tree over all of them, and their count. So one signature is for many.
type Witness struct {
	Origin    Origin // of an echo's item: that of the item it repeats
	Index     uint32 // among those of the signature, which have consecutive numbers
	Count     uint32 // of those; 1 for an item alone
	Path      []Hash // to the root, the nearest first; empty for an item alone
	Signature Signature
}

// SignItems signs items that the instance tells at the same time, at most MaxTogether. Their source is the instance, and their numbers
// are consecutive.
func (s Signer) SignItems(items []Item) Signature {
	leaves := make([]Hash, len(items))
	for i := range items {
		leaves[i] = items[i].Hash()
	}
	return s.sign(together(RootOf(leaves), uint32(len(leaves))))
}

// together is what is signed of items with a root. That of one item is its hash.
func together(root Hash, count uint32) []byte {
	if count == 1 {
		return append([]byte(messageDomain), root[:]...)
	}
	return append(putU32([]byte(messagesDomain), count), root[:]...)
}

// Witnesses makes the witnesses of items that are all that a signature is for.
func Witnesses(items []Item, s Signature) []*Witness {
	if len(items) == 0 {
		return nil
	}
	list := make([]Witness, len(items))
	all := make([]*Witness, len(items))
	for i := range items {
		list[i] = Witness{Origin: Origin{items[i].Source, items[i].Number}, Index: uint32(i), Count: uint32(len(items)), Signature: s}
		all[i] = &list[i]
	}
	joinPaths(items, all, nil)
	return all
}

// check refuses what no witness can be.
func (w Witness) check() error {
	if err := CheckName(w.Origin.Source); err != nil {
		return err
	}
	if w.Count == 0 || w.Count > MaxTogether || w.Index >= w.Count || w.Origin.Number <= uint64(w.Index) || IsEcho(w.Origin.Source) {
		return malformed("number %d of %s, as %d of %d of a signature", w.Origin.Number, w.Origin.Source, w.Index, w.Count)
	}
	if len(w.Path) != pathLength(w.Index, w.Count) {
		return malformed("a path of %d hashes for %d of %d", len(w.Path), w.Index, w.Count)
	}
	return nil
}

// pathLength is how many hashes lead from leaf i of count to the root.
func pathLength(i, count uint32) (n int) {
	for ; count > 1; n++ {
		half := uint32(split(uint64(count)))
		if i < half {
			count = half
		} else {
			i, count = i-half, count-half
		}
	}
	return n
}

// first is the number of the first item of the signature.
func (w Witness) first() uint64 { return w.Origin.Number - uint64(w.Index) }

// same is whether one signature is for both.
func (w Witness) same(v Witness) bool {
	return w.Signature == v.Signature && w.Count == v.Count && w.Origin.Source == v.Origin.Source && w.first() == v.first()
}

// told is the item as its origin told it: an echo's has the echo's name and number.
func (w Witness) told(item Item) Item {
	if IsEcho(item.Source) {
		item.Source, item.Number = w.Origin.Source, w.Origin.Number
	}
	return item
}

// Encode writes the witness's one form.
func (w Witness) Encode() []byte {
	b := putU64(putName([]byte(witnessDomain), w.Origin.Source), w.Origin.Number)
	b = putU32(putU32(putU32(b, w.Index), w.Count), uint32(len(w.Path)))
	for _, h := range w.Path {
		b = append(b, h[:]...)
	}
	return append(b, w.Signature[:]...)
}

// DecodeWitness accepts what Encode writes. Errors are ErrMalformed.
func DecodeWitness(data []byte) (Witness, error) {
	r := reader{rest: data}
	r.header(witnessDomain)
	w := Witness{Origin: Origin{Source: r.name(), Number: r.u64()}, Index: r.u32(), Count: r.u32()}
	for range r.count(maxTogetherPath, len(Hash{})) {
		w.Path = append(w.Path, r.hash())
	}
	w.Signature = r.signature()
	if r.err == nil {
		r.err = w.check()
	}
	return w, r.end("witness")
}

// VerifyWitness refuses a witness that is not the item's, or not its origin's. The item is as in its record; one of an echo stands for the
// item that it repeats. Errors are ErrMalformed, ErrUnknownInstance and ErrSignature.
func (k Keyring) VerifyWitness(item Item, w Witness) error {
	v := Verifier{Keys: k}
	return v.Verify(item, w)
}
