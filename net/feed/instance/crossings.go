package instance

import "github.com/walletnode/walletnode/net/feed"

// crossings are a mailbox's moves as its subscribers hear of them. An instance that was gone before it had taken the mailbox has added nothing
// to it and may never sign, so it is passed over: who took the mailbox then has it from the one before. If that one took it back, nothing
// happened for a subscriber.
func crossings(moves []Moved) (list []Moved) {
	var left *feed.Handover // by whoever had it before those that are passed over
	for n, m := range moves {
		if !m.Taken && n+1 < len(moves) {
			if left == nil {
				left = &m.Handover
			}
			continue
		}
		if left != nil && m.Handover.To == left.From {
			left = nil
			continue
		}
		if left != nil && !m.Taken { // to be signed like this: the release names another taker
			to := m.Handover.To
			m.Handover = *left
			m.Handover.To, m.Handover.Released = to, feed.Signature{}
		}
		left = nil
		list = append(list, m)
	}
	return list
}

// lastCrossing is a mailbox's last move, as it is to be signed.
func lastCrossing(moves []Moved) Moved {
	last := moves[len(moves)-1]
	if list := crossings(moves); len(list) > 0 && list[len(list)-1].Number == last.Number {
		return list[len(list)-1]
	}
	return last
}
