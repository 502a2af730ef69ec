package devnet

import (
	"fmt"
	"strings"
)

// roundText is one line about a round.
func roundText(r Round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "round: %d led and heard, %d double payloads, %d lost, %d accusations", r.Statements, r.Doubles, r.Lost, r.Accused)
	if r.Signed+r.DoubleSigned > 0 {
		fmt.Fprintf(&b, ", %d signed, %d of them twice", r.Signed, r.DoubleSigned)
	}
	if r.Restarts > 0 {
		fmt.Fprintf(&b, ", %d restarts", r.Restarts)
	}
	for _, it := range r.waits() {
		for _, ms := range it.ms {
			fmt.Fprintf(&b, ", %s after %.1f s", it.what, float64(ms)/1000)
		}
	}
	return b.String() + "\n"
}

// chaosText is what a whole chaos run comes to.
func chaosText(r Round) string {
	var b strings.Builder
	total := 0
	for _, kind := range strikeKinds() {
		total += r.Strikes[kind]
	}
	fmt.Fprintf(&b, "  %d strikes:", total)
	for i, kind := range strikeKinds() {
		comma := ","
		if i == 0 {
			comma = ""
		}
		fmt.Fprintf(&b, "%s %s %d", comma, kind, r.Strikes[kind])
	}
	fmt.Fprintf(&b, "\n  %d windows of wallets led and heard (%d messages); double payloads: %d; lost windows: %d; accusations of honest operators: %d\n",
		r.Statements, r.Heard, r.Doubles, r.Lost, r.Accused)
	if r.Signed+r.DoubleSigned > 0 {
		fmt.Fprintf(&b, "  windows of wallets signed: %d; signed twice: %d\n", r.Signed, r.DoubleSigned)
	}
	fmt.Fprintf(&b, "  wallets that nobody took over: %d; restarts of instances that ended by themselves: %d\n", r.Orphans, r.Restarts)
	for _, it := range r.waits() {
		if len(it.ms) > 0 {
			fmt.Fprintf(&b, "  %s after: p50 %v, p99 %v (%d)\n", it.what, percentile(it.ms, 50), percentile(it.ms, 99), len(it.ms))
		}
	}
	return b.String()
}

// waits is how long wallets waited, by why.
func (r Round) waits() []struct {
	what string
	ms   []int64
} {
	return []struct {
		what string
		ms   []int64
	}{{"taken over", r.TakeOvers}, {"handed over", r.HandOvers}, {"taken or handed over with the database away", r.Hampered}}
}
