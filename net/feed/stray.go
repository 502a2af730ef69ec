package feed

import "github.com/walletnode/walletnode/chain"

// stray is a record that a mailbox has out of order or repeated: from the same receiver, and in the same epoch, it has one of that number
// or a later one before it. Numbers ascend from each receiver, whatever was restarted or moved.
type stray struct {
	point
	entry        *Entry
	wallet       chain.WalletID
	index, after uint64 // its place in the lane, and that of the first one with the highest number before it
}

// shows is whether what is kept of a mailbox shows anybody what its outbox committed to: not where it committed to nothing, or to more than the
// mailbox holds, or the seal does not say what the outbox did.
func (k Kept) shows(mailbox string) bool {
	return !k.missing(mailbox) && !k.cut(mailbox) && !k.Seal.blamed(k.Seal.Actor, False)
}

// strays returns the records out of order that another mailbox gets, too, or all for no other, as they came; none where nobody could be shown it.
func (k Kept) strays(mailbox, other string) (list []stray) {
	if !k.shows(mailbox) {
		return nil
	}
	var lanes [MaxShards]struct {
		count, at uint64
		highest   Seq
	}
	for i := range k.Entries {
		e := &k.Entries[i]
		if e.Gap != nil {
			continue
		}
		switch l := &lanes[e.Shard]; {
		case e.Record.Seq > l.highest:
			l.highest, l.at, l.count = e.Record.Seq, l.count, l.count+1
		default:
			if other == "" || k.both(mailbox, other, e) {
				list = append(list, stray{point: e.point(), entry: e, wallet: e.Record.Item.Wallet, index: l.count, after: l.at})
			}
			l.count++
		}
	}
	return list
}

// firstStrays returns of each wallet the stray with the least number.
func (s *side) firstStrays(other string) map[chain.WalletID]stray {
	first := map[chain.WalletID]stray{}
	for _, x := range s.strays(s.mailbox, other) {
		if before, there := first[x.wallet]; !there || x.seq < before.seq {
			first[x.wallet] = x
		}
	}
	return first
}

// disorders proves that a mailbox has a record out of order or repeated.
func disorders(s *side, x stray) (*Finding, error) {
	f := &Finding{Epoch: s.Epoch, Seq: x.seq}
	proof := s.disorders(x)
	f.Trace, _ = proof.accuse()
	f.Proof = &proof
	return f, proof.check()
}

func (s *side) disorders(x stray) Proof {
	p := Proof{Fault: Disorders, Seq: x.seq, Seal: *s.Seal, Has: s.nth(x.shard, int(x.index)), Against: []Piece{s.nth(x.shard, int(x.after))}}
	_, p.Accused = p.accuse()
	return p
}

func (p Proof) checkDisorders() error {
	before := p.Against[0]
	if before.Mailbox != p.Has.Mailbox || before.Shard != p.Has.Shard || before.Index >= p.Has.Index || before.Record.Seq < p.Seq {
		return refuse("the records shown of %s are not of one receiver, or stand in order", p.Has.Mailbox)
	}
	return nil
}
