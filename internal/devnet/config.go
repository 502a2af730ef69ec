package devnet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Config says what a devnet is made of. Every field without a stated default is required.
type Config struct {
	Operators int // complete nodes, each with its own operator
	Wallets   int
	Seats     int // of each wallet; at least one per operator
	// Guests are operators whose nodes somebody else runs. They hold seats of a wallet of their own beside everybody
	// else, which the judge leaves alone: nobody answers for what a guest does.
	Guests []chain.Operator
	// BlockTime is the pause between two blocks of the local chain in real time. In chain time a block is a second.
	BlockTime time.Duration
	// FastIdle mines the stretch between two windows in a burst.
	FastIdle bool
	// Windows is after how many windows the devnet ends; 0 means when its context does.
	Windows int
	// Scenario is the name of what happens; see Scenarios.
	Scenario string
	// Expect is the scenario whose expectations the judge applies; empty for Scenario. Any other is a test of the
	// judge's own no.
	Expect string
	// Seed fixes keys and seats. Block hashes, and with them the leaders, are random all the same.
	Seed uint64
	// Dir is where everything is written. It may exist, but must be empty.
	Dir    string
	Screen Screen
	// Program is what runs walletnode, with leading arguments if it takes any: scenario restart runs a node as a process
	// of its own. Empty is this executable.
	Program []string
}

// Bounds of a devnet. They keep it on one machine: each node costs about 30 MB and its share of the processor.
const (
	maxOperators = 50
	maxWallets   = 100
	// A block takes the local chain about a millisecond, and a node must follow in time.
	minBlockTime = 5 * time.Millisecond
	maxBlockTime = 12 * time.Second // Ethereum's own
)

// Validate joins every complaint about the configuration.
func (c Config) Validate() error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	s, known := scenarioNamed(c.Scenario)
	if !known {
		complain("scenario: there is no %q (there are: %s)", c.Scenario, scenarioNames())
	}
	if _, ok := scenarioNamed(c.Expect); c.Expect != "" && !ok {
		complain("expected scenario: there is no %q", c.Expect)
	}
	least := max(1, s.operators)
	if c.Operators < least || c.Operators > maxOperators {
		complain("operators: %d is not within %d and %d for scenario %s", c.Operators, least, maxOperators, c.Scenario)
	}
	if c.Wallets < 1 || c.Wallets > maxWallets {
		complain("wallets: %d is not within 1 and %d", c.Wallets, maxWallets)
	}
	if c.Seats < max(1, c.Operators) || c.Seats > chain.MaxSeats {
		complain("seats: %d is not within the number of operators and %d", c.Seats, chain.MaxSeats)
	}
	if c.BlockTime < minBlockTime || c.BlockTime > maxBlockTime {
		complain("block time: %v is not within %v and %v", c.BlockTime, minBlockTime, maxBlockTime)
	}
	if c.Operators+len(c.Guests) > maxOperators {
		complain("guests: %d operators and %d guests are more than %d", c.Operators, len(c.Guests), maxOperators)
	}
	for i, guest := range c.Guests {
		if guest.IsZero() || slices.Contains(c.Guests[:i], guest) {
			complain("guests: %v is nobody, or named twice", guest)
		}
	}
	if c.Windows < 0 {
		complain("windows: %d is negative", c.Windows)
	}
	if c.Dir == "" || c.Screen == nil {
		complain("directory or screen is missing")
	}
	return errors.Join(errs...)
}
