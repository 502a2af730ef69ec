package signing

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// coordinator returns the seat that names the signers of an attempt, and its operator. The order of seats is drawn from the
// intent; of each operator its first seat in that order counts, so that an operator that is away
// costs one attempt, however many seats it has, until all others have had their turn.
func coordinator(wallet chain.Wallet, intent signer.Digest, attempt uint32) (chain.Seat, chain.Operator) {
	roster := wallet.Roster()
	order := make([]int, len(roster))
	ranks := make([][32]byte, len(roster))
	for i := range order {
		order[i] = i
		ranks[i] = rank("coordinator", intent, 0, []byte{byte(i + 1)})
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(ranks[a][:], ranks[b][:]) })
	var firsts []int
	seen := make(map[chain.Operator]bool)
	for _, i := range order {
		if !seen[roster[i]] {
			seen[roster[i]] = true
			firsts = append(firsts, i)
		}
	}
	i := firsts[int(attempt-1)%len(firsts)]
	return chain.Seat(i + 1), roster[i] //nolint:gosec // a wallet has 255 seats at most
}

// rank draws a number from an intent, an attempt and something else.
func rank(what string, intent signer.Digest, attempt uint32, of []byte) [32]byte {
	message := append([]byte("walletnode/signing/"+what+"/1:"), intent[:]...)
	message = binary.BigEndian.AppendUint32(message, attempt)
	return sha256.Sum256(append(message, of...))
}

// candidate is an operator that announced seats.
type candidate struct {
	operator chain.Operator
	seats    []chain.Seat
	suspect  int // failed attempts that it took part in and nobody could be blamed for
}

// quorum chooses who signs: operators with all the seats they announced until there are exactly as many seats as are needed,
// of the last one only some. First comes who coordinates, for it is there; then who was least in attempts that failed for no
// known cause; then what the intent and the attempt draw. Nil if there are too few seats.
func quorum(candidates []candidate, first chain.Operator, intent signer.Digest, attempt uint32, threshold int) []chain.Seat {
	candidates = slices.Clone(candidates)
	slices.SortFunc(candidates, func(a, b candidate) int {
		ra, rb := rank("quorum", intent, attempt, a.operator[:]), rank("quorum", intent, attempt, b.operator[:])
		return cmp.Or(bool01(b.operator == first)-bool01(a.operator == first), cmp.Compare(a.suspect, b.suspect), bytes.Compare(ra[:], rb[:]))
	})
	var seats []chain.Seat
	for _, c := range candidates {
		seats = append(seats, c.seats[:min(len(c.seats), threshold-len(seats))]...)
	}
	if len(seats) < threshold {
		return nil
	}
	slices.Sort(seats)
	return seats
}

func bool01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// operatorsOf returns the operators of seats, in the order of their first ones.
func operatorsOf(wallet chain.Wallet, seats []chain.Seat) []chain.Operator {
	var operators []chain.Operator
	seen := make(map[chain.Operator]bool)
	for _, s := range seats {
		if op, ok := wallet.At(s); ok && !seen[op] {
			seen[op] = true
			operators = append(operators, op)
		}
	}
	return operators
}

// seatsOf returns those of seats that are an operator's.
func seatsOf(wallet chain.Wallet, op chain.Operator, seats []chain.Seat) []chain.Seat {
	var own []chain.Seat
	for _, s := range seats {
		if holder, ok := wallet.At(s); ok && holder == op {
			own = append(own, s)
		}
	}
	return own
}

func allSeats(wallet chain.Wallet) []chain.Seat {
	seats := make([]chain.Seat, wallet.Seats())
	for i := range seats {
		seats[i] = chain.Seat(i + 1) //nolint:gosec // a wallet has 255 seats at most
	}
	return seats
}
