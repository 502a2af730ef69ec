package feed

import (
	"fmt"
	"slices"
)

// Stay is what is kept of the epochs that one instance sealed while it had the mailbox, or from a loss of data on.
type Stay struct {
	Moves      int // of the mailbox, that came before: it names the stay
	Instance   string
	Kept       []Kept // ascending
	Unverified Epoch  // the first epoch that other subscribers have not confirmed, whether it is there already or not
}

// maxStays bounds of how many stays a reader keeps epochs. With more the oldest is forgotten; who holds, and has not verified it, reads on
// only when it has.
const maxStays = 64

// now is the present stay.
func (r *Reader) now() *Stay { return &r.stays[len(r.stays)-1] }

// Stays returns what is kept of each stay, oldest first. The last one is of the instance that has the mailbox.
func (r *Reader) Stays() []Stay {
	list := slices.Clone(r.stays)
	for i := range list {
		list[i].Kept = slices.Clone(list[i].Kept)
	}
	return list
}

// Kept returns the epochs that are kept of the present stay, ascending.
func (r *Reader) Kept() []Kept { return slices.Clone(r.now().Kept) }

// Export returns the epochs of a stay that are kept whole.
func (s Stay) Export(mailbox string) Export {
	x := Export{Instance: s.Instance, Mailbox: mailbox}
	for _, k := range s.Kept {
		if k.Heads == nil {
			x.Epochs = append(x.Epochs, k)
		}
	}
	return x
}

// unverified is how many epochs are whole and not verified: one that is compressed can hold nobody up.
func (s Stay) unverified() (n int) {
	for _, k := range s.Kept {
		if k.Heads == nil && k.Epoch >= s.Unverified {
			n++
		}
	}
	return n
}

// Restore gives a new reader what an earlier one kept, oldest first, as far as the policy keeps it. The last stay is the present one.
func (r *Reader) Restore(stays []Stay) error {
	n := len(stays) - 1
	if n < 0 || stays[n].Instance != r.instance {
		return malformed("the last stay is that of %s, whose mailbox is read", r.instance)
	}
	for i := 1; i <= n; i++ {
		if stays[i-1].Moves >= stays[i].Moves {
			return malformed("stay %d after %d", stays[i].Moves, stays[i-1].Moves)
		}
	}
	r.stays = nil
	for _, s := range stays {
		s.Kept = slices.Clone(s.Kept)
		r.stays = append(r.stays, s)
	}
	r.tidy()
	return nil
}

// keep adds an epoch and makes room by the policy.
func (r *Reader) keep(k Kept) {
	now := r.now()
	now.Kept = append(now.Kept, k)
	r.tidy()
}

// tidy makes room by the policy, which counts epochs from the newest on, whichever stay they are of: a move is no way to have one forgotten.
func (r *Reader) tidy() {
	whole, all := 0, 0
	for n := len(r.stays) - 1; n >= 0; n-- {
		s := &r.stays[n]
		for i := len(s.Kept) - 1; i >= 0; i-- {
			if all++; all > r.policy.Keep+maxHeads {
				s.Kept = slices.Delete(s.Kept, 0, i+1)
				break
			}
			if s.Kept[i].Heads != nil {
				continue
			}
			if whole++; whole <= r.policy.Keep {
				continue
			}
			switch {
			case r.policy.Then == Compress:
				s.Kept[i] = s.Kept[i].compress(r.mailbox)
			case r.policy.Then == Drop, s.Kept[i].Epoch < s.Unverified:
				s.Kept = slices.Delete(s.Kept, i, i+1)
			default: // held, and late; the next seal is refused
			}
		}
	}
	last := len(r.stays) - 1
	present := r.stays[last]
	r.stays = append(slices.DeleteFunc(r.stays[:last], func(s Stay) bool { return len(s.Kept) == 0 }), present)
	if n := len(r.stays) - maxStays; n > 0 {
		r.stays = slices.Delete(r.stays, 0, n)
	}
}

// held is whether so many epochs are not verified that no more may be read, whichever stays they are of.
func (r *Reader) held() bool {
	if r.policy.Then != Hold {
		return false
	}
	n := 0
	for _, s := range r.stays {
		n += s.unverified()
	}
	return n >= r.policy.Keep
}

// goOn ends the present stay. Of an instance that sealed nothing nothing is kept. Errors are ErrUnverified, and ErrUnsealed where one instance
// after the other seals nothing: what they deliver could never be verified.
func (r *Reader) goOn(instance string) error {
	if r.held() || r.policy.Then == Hold && len(r.stays) >= maxStays && r.stays[0].unverified() > 0 {
		return ErrUnverified
	}
	if r.unsealed >= maxOpenEpochs {
		return fmt.Errorf("%d instances have had the mailbox since the last seal: %w", r.unsealed, ErrUnsealed)
	}
	r.unsealed++
	r.stays = append(r.stays, Stay{Moves: r.now().Moves + 1, Instance: instance})
	r.tidy()
	return nil
}

// VerifiedIn says that the epochs of a stay, by its name, up to one are the same as other subscribers', and returns whether that is news. They
// are kept for those who have not compared yet, and make room where the policy is to hold. Of a stay that is not kept it changes nothing.
func (r *Reader) VerifiedIn(moves int, until Epoch) (news bool) {
	for i := range r.stays {
		if s := &r.stays[i]; s.Moves == moves && s.Unverified <= until {
			s.Unverified, news = until+1, true
		}
	}
	return news
}

// Unverified is the first epoch of the present stay that is not verified, whether it is there already or not.
func (r *Reader) Unverified() Epoch { return r.now().Unverified }
