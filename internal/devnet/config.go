package devnet

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal/action/signer"
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
	// Enclaves is how many signer backends each operator has, each a process of its own, which make the wallets' keys and sign what
	// is agreed on. 0: nobody signs, and the wallets' keys are nobody's.
	Enclaves int
	// Scheme is what those sign with; empty for signer.FROST. A key of signer.CMP takes half a minute to generate.
	Scheme signer.Scheme
	// FastIdle mines the stretch between two windows in a burst.
	FastIdle bool
	// Windows is after how many windows the devnet ends; 0 means when its context does.
	Windows int
	// Scenario is the name of what happens; see Scenarios.
	Scenario string
	// Expect is the scenario whose expectations the judge applies; empty for Scenario. Any other is a test of the
	// judge's own no.
	Expect string
	// Seed fixes seats. Keys are new each time; block hashes, and with them the leaders, are random, too.
	Seed uint64
	// Dir is where everything is written. It may exist, but must be empty.
	Dir    string
	Screen Screen
	// Instances is how many instances the first operator has, each a process of its own, on a PostgreSQL database that
	// they share; 0 is one node in this process on a file, as the other operators have.
	Instances int
	// Lease is how long a lease of those instances lasts; 0 is the default of a node.
	Lease time.Duration
	// Chaos strikes the instances at random in every window, which strikes following from Seed. One instance is spared
	// each time.
	Chaos   bool
	strikes func(rng *rand.Rand, instances []string, pace chaosPace) []Strike // in place of those of chaos, in a test
	plan    func(stage) plan                                                  // in place of the scenario's, in a test
	// between, in a test, stands between an operator's node in this process, by its index, and its signers.
	between func(operator int, node http.Handler) http.Handler
	// Program is what runs walletnode, with leading arguments if it takes any: scenario restart and Instances run nodes as
	// processes of their own. Empty is this executable.
	Program []string
}

// Bounds of a devnet. They keep it on one machine: each node costs about 30 MB and its share of the processor.
const (
	maxOperators = 50
	maxWallets   = 100
	maxEnclaves  = 4
	// What an ECDSA wallet takes grows with the square of its seats: with three, half a minute of a processor for its key, and
	// some seconds for a signature.
	maxECDSASeats = 5
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
	errs = append(errs, c.validateInstances(s)...)
	errs = append(errs, c.validateEnclaves(s)...)
	if c.Windows < 0 {
		complain("windows: %d is negative", c.Windows)
	}
	if c.Dir == "" || c.Screen == nil {
		complain("directory or screen is missing")
	}
	return errors.Join(errs...)
}

// scheme returns what wallets are signed for with.
func (c Config) scheme() signer.Scheme { return cmp.Or(c.Scheme, signer.FROST) }

// lease returns how long a lease of instances lasts.
func (c Config) lease() time.Duration {
	if c.Lease == 0 {
		return cluster.DefaultTiming().TTL
	}
	return c.Lease
}

// slackAfterLease is more than it takes to notice that a lease is over, to take its wallets over and to speak for them.
const slackAfterLease = 4 * time.Second

// ChaosBlockTime is the shortest block time at which a window that was struck as late as can be is taken over within its
// active phase.
func ChaosBlockTime(lease time.Duration) time.Duration {
	const left = 80 - lastBegin // blocks of the active phase
	return ((lease+slackAfterLease)/left + time.Millisecond).Truncate(time.Millisecond)
}

// validateEnclaves complains about signers.
func (c Config) validateEnclaves(s scenario) []error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf("enclaves: "+format, args...)) }
	switch {
	case c.Enclaves == 0 && s.enclaves == 0:
		if c.Scheme != "" {
			complain("a scheme is for signers, and there are none")
		}
		return errs
	case c.Enclaves < 0 || c.Enclaves > maxEnclaves:
		complain("%d is not within 0 and %d", c.Enclaves, maxEnclaves)
	}
	if c.Seats < 2 {
		complain("wallets of %d seats have no key that is shared; at least 2", c.Seats)
	}
	if c.Instances > 0 && c.Operators < 2 {
		complain("it takes a second operator to invite one with many instances; at least 2")
	}
	if c.Enclaves < s.enclaves || c.Wallets < s.wallets {
		complain("scenario %s takes at least %d signers of each operator, and %d wallets", s.Name, s.enclaves, max(1, s.wallets))
	}
	if _, err := signer.ParseScheme(string(c.scheme())); err != nil {
		complain("%w", err)
	}
	if c.Scheme == signer.CMP && c.Seats > maxECDSASeats {
		complain("wallets of scheme cmp have at most %d seats here, not %d", maxECDSASeats, c.Seats)
	}
	if c.Scheme == signer.CMP && s.frost {
		complain("scenario %s is about signatures of scheme frost", s.Name)
	}
	if s.Name != "" && !s.signs {
		complain("scenario %s is played without signatures", s.Name)
	}
	return errs
}

// validateInstances complains about an operator with many instances.
func (c Config) validateInstances(s scenario) []error {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Instances == 0 {
		if c.Chaos || c.Lease != 0 {
			complain("instances: there are none that could be struck, or have leases")
		}
		return errs
	}
	if c.Instances < 0 || c.Instances > maxInstances {
		complain("instances: %d is not within 1 and %d", c.Instances, maxInstances)
	}
	if socket := socketIn(filepath.Join(c.Dir, operatorDir(0), instanceName(maxInstances-1))); len(socket) > maxSocket {
		complain("directory: %s is too long a path for the sockets of instances, by %d characters", c.Dir, len(socket)-maxSocket)
	}
	if s.Name != "" && !s.many {
		complain("instances: scenario %s is about one node on one file", s.Name)
	}
	t := cluster.Timing{TTL: c.lease(), Renewal: renewalOf(c.lease()), Margin: marginOf(c.lease())}
	if err := t.Validate(); err != nil {
		errs = append(errs, err)
	}
	if !c.Chaos {
		return errs
	}
	if c.Instances < 2 || c.Operators < 2 {
		complain("chaos: %d instances and %d operators leave nobody to go on, or nobody to hear it; at least 2 each", c.Instances, c.Operators)
	}
	if s.Name != "calm" {
		complain("chaos: scenario %s has trouble of its own; only calm can be struck", s.Name)
	}
	if least := ChaosBlockTime(c.lease()); c.BlockTime < least {
		complain("block time: %v is too short for leases of %v to end within a window; at least %v", c.BlockTime, c.lease(), least)
	}
	return errs
}
