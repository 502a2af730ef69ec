package rpcfault

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// node is what the admin methods tell of a node, as far as anybody reads it.
type node struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Enode string `json:"enode"`
}

func nodeOf(id string) node {
	return node{ID: id, Name: "rpcfault", Enode: "enode://" + id + id + "@127.0.0.1:30303"}
}

// aboutPeers answers a question about peers; false if that is left to the endpoint behind.
func (s *state) aboutPeers(method string) (json.RawMessage, bool, error) {
	if s.PeersRefused && method == "net_peerCount" {
		s.log.note(KindPeers)
		return nil, true, &failure{Code: codeInvalid, Message: "net_peerCount is not part of this plan"}
	}
	if s.Peers == nil {
		return nil, false, nil
	}
	var told any
	switch {
	case method == "net_peerCount":
		told = hexutil.Uint64(s.Peers.Count)
	case method == "admin_nodeInfo" && s.Peers.Self != "":
		told = nodeOf(s.Peers.Self)
	case method == "admin_peers" && s.Peers.Self != "":
		nodes := make([]node, len(s.Peers.IDs))
		for i, id := range s.Peers.IDs {
			nodes[i] = nodeOf(id)
		}
		told = nodes
	default:
		return nil, false, nil
	}
	s.log.note(KindPeers)
	text, err := json.Marshal(told)
	return text, true, err
}
