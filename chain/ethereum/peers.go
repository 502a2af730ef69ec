package ethereum

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// maxPeerCount is the greatest number of peers that is believed: clients have tens, crawlers thousands. What is beyond
// it is no count.
const maxPeerCount = 1 << 20

// peers asks for the endpoint's peers. Vendors close these methods and answer them with codes of all kinds, so no
// failure of theirs says anything about the endpoint.
func (c *Client) peers(ctx context.Context) *chain.Peers {
	questions := []question{{method: "net_peerCount"}, {method: "admin_nodeInfo"}, {method: "admin_peers"}}
	if _, _, err := c.exchange(ctx, questions); err != nil {
		c.log.Debug("Peers not told", "error", err)
		return &chain.Peers{}
	}
	return readPeers(questions[0], questions[1], questions[2])
}

// readPeers puts the answers about peers together. Where the count is closed and the list is open, the list counts.
func readPeers(count, self, list question) *chain.Peers {
	p := &chain.Peers{}
	var number hexutil.Uint64
	if count.decode(&number) == nil && number <= maxPeerCount {
		p.Known, p.Count = true, int(number) //nolint:gosec // bounded
	}
	var node peerNode
	if self.decode(&node) == nil {
		p.Self = node.id()
	}
	var nodes []peerNode
	if list.decode(&nodes) != nil || nodes == nil {
		return p
	}
	if !p.Known && len(nodes) <= maxPeerCount {
		p.Known, p.Count = true, len(nodes)
	}
	for _, node := range nodes[:min(len(nodes), chain.MaxPeerIDs)] {
		if id := node.id(); id != "" {
			p.IDs = append(p.IDs, id)
		}
	}
	return p
}

// peerNode is a node as admin_nodeInfo and admin_peers tell it.
type peerNode struct {
	ID    string `json:"id"`
	Enode string `json:"enode"`
}

// id returns the node's ID as 64 lower-case hex digits: the Keccak-256 hash of its public key, as discovery v4 has it.
// Clients name a node by that hash or by the key itself, and the IDs of several clients are compared here; so the key
// is hashed. Empty if it is neither.
func (n peerNode) id() string {
	text := strings.TrimPrefix(n.ID, "0x")
	if rest, ok := strings.CutPrefix(n.Enode, "enode://"); ok {
		text, _, _ = strings.Cut(rest, "@")
	}
	if len(text) != 64 && len(text) != 128 {
		return ""
	}
	data, err := hex.DecodeString(text)
	if err != nil {
		return ""
	}
	if len(data) == 64 {
		data = crypto.Keccak256(data)
	}
	return hex.EncodeToString(data)
}
