package devnet

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

const (
	// silence is how many block times a node's clock may be without a head: more than scenario skipped-heads keeps
	// back.
	silence = 5 * skippedBlocks
	// minSilence is above the floor of rule R8, 5 s: for so long a busy machine may stop altogether, and what the nodes then
	// record of their own clocks is no part of any scenario.
	minSilence = 40 * time.Second
)

// patienceWith returns how often a node asks for heads, and how long it may be without one.
func patienceWith(blockTime time.Duration) (poll, stale time.Duration) {
	stale = max(minSilence, silence*blockTime)
	return min(time.Minute, stale/5), stale // five polls without a head make a subscription anew
}

// writeConfig writes the configuration that the operator's node starts from.
func (o *operator) writeConfig(c *localchain.Chain, blockTime time.Duration, peers []string) error {
	url := c.URL()
	if len(o.endpoints) > 0 {
		url = o.endpoints[0].URL()
	}
	n := nodeFile{operator: o, dir: o.dir, url: url, listen: o.listen(), peers: peers, more: o.multi(blockTime) + o.reception() + o.signing()}
	return n.write(c, blockTime)
}

// nodeFile is what differs between the configuration files of a devnet's nodes.
type nodeFile struct {
	operator *operator
	dir      string // the node's data directory, where the file goes
	url      string // of the chain
	listen   string // multiaddr
	announce []string
	peers    []string
	more     string // tables that only some have
}

// write writes the file. It has nothing that an operator could not set.
func (n nodeFile) write(c *localchain.Chain, blockTime time.Duration) error {
	poll, stale := patienceWith(blockTime)
	text := fmt.Sprintf(`# A node of a devnet. The chain is gone when the devnet ends; reading the store works on.

[node]
data_dir = %q

[operator]
key_file = %q
password_file = %q

[ethereum]
url = %q
chain_id = %d
bridge = %q
validator = %q
poll_interval = %q
requests_per_second = 0.0
stale_after = %q
max_header_age = "0s" # simulated blocks run ahead of real time

%s[network]
listen = [%q]
announce = [
%s]
peers = [
%s]
`, n.dir, n.operator.keyFile(), n.operator.passwordFile(), n.url, localchain.ChainID, c.Bridge(), c.Validator(), poll, stale, n.more, n.listen,
		quoted(n.announce), quoted(n.peers))
	return os.WriteFile(filepath.Join(n.dir, configName), []byte(text), 0o600)
}

// quoted writes texts as the lines of a list.
func quoted(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&b, "  %q,\n", text)
	}
	return b.String()
}

// minPoll is the time between two polls of endpoints that check each other, and how long one may take, where blocks come
// faster. A new block asks for four polls in that time, and a busy machine runs 25 endpoints for five nodes. Polls are then some blocks apart,
// and honest endpoints look late beside each other now and then, which must not matter.
const minPoll = 2 * time.Second

// multi is the part of the configuration about endpoints that check each other; empty if there is one alone.
func (o *operator) multi(blockTime time.Duration) string {
	if len(o.endpoints) < 2 {
		return ""
	}
	poll := min(max(minPoll, blockTime), 5*time.Second)
	text := fmt.Sprintf("[ethereum.multi]\nenabled = true\npoll_interval = %q\npoll_deadline = %q\npeers_interval = %q\n\n", poll, poll, 10*poll)
	for i, p := range o.endpoints[1:] {
		text += fmt.Sprintf("[[ethereum.multi.endpoints]]\nname = \"endpoint-%d\"\nurl = %q\n\n", i+2, p.URL())
	}
	return text
}
