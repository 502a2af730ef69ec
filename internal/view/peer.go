package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net"
)

// Peers is the list of known peers, in the order of their IDs.
type Peers struct {
	Peers []Peer `json:"peers"`
}

// Peer is one instance of an operator on the network, connected or not.
type Peer struct {
	ID             string          `json:"id"`
	Operator       *chain.Operator `json:"operator"` // for whom it has proved to speak
	State          net.PeerState   `json:"state"`
	Static         bool            `json:"static"` // configured
	Addresses      []string        `json:"addresses"`
	ConnectedSince *string         `json:"connected_since"`
	ProofExpires   *string         `json:"proof_expires"` // when its delegation ends
	RefusedUntil   *string         `json:"refused_until"`
	ParamsMatch    *bool           `json:"params_match"` // its protocol parameters equal ours; null before it told
	AdmitsUs       *bool           `json:"admits_us"`    // null before it told
	LastError      *string         `json:"last_error"`
	LastErrorAt    *string         `json:"last_error_at"`
	Relaying       Relaying        `json:"relaying"`
}

// Relaying is what a peer did with what others said, since this node started: a suspicion at most, for who relays signs nothing.
type Relaying struct {
	Forwarded uint64 `json:"forwarded"` // messages that it passed on to this node
	Missing   uint64 `json:"missing"`   // that it did not pass on, as a neighbour; honest ones miss those that this node sent them first
	Late      uint64 `json:"late"`      // copies that came 30 s or more after the first one
	Reordered uint64 `json:"reordered"` // messages that came after younger ones of the same author
}

// NewPeers shows what the network knows of its peers.
func NewPeers(infos []net.PeerInfo) Peers {
	list := each(infos, newPeer)
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	return Peers{list}
}

func newPeer(i net.PeerInfo) Peer {
	p := Peer{
		ID: i.ID.String(), Operator: pointer(i.Operator), State: i.State, Static: i.Static,
		Addresses:      each(i.Addrs, func(s string) string { return s }),
		ConnectedSince: pointer(Time(i.ConnectedSince)),
		ProofExpires:   pointer(Time(i.ProofExpires)),
		RefusedUntil:   pointer(Time(i.RefusedUntil)),
		LastError:      pointer(i.LastError),
		LastErrorAt:    pointer(Time(i.LastErrorAt)),
		Relaying:       Relaying(i.Relaying),
	}
	if i.TermsKnown {
		p.ParamsMatch, p.AdmitsUs = &i.ParamsMatch, &i.AdmitsUs
	}
	return p
}

// PeerCount counts peers by their state.
type PeerCount struct {
	Admitted     int `json:"admitted"` // connected, their messages count
	Waiting      int `json:"waiting"`
	Refused      int `json:"refused"`
	Disconnected int `json:"disconnected"`
}

// NewPeerCount counts peers.
func NewPeerCount(infos []net.PeerInfo) PeerCount {
	var c PeerCount
	for _, i := range infos {
		switch i.State {
		case net.PeerAdmitted:
			c.Admitted++
		case net.PeerWaiting:
			c.Waiting++
		case net.PeerRefused:
			c.Refused++
		case net.PeerDisconnected:
			c.Disconnected++
		}
	}
	return c
}

// Pong is the answer to a ping.
type Pong struct {
	ID      string  `json:"id"`
	Seconds float64 `json:"round_trip_seconds"`
}

// NewPong tells a round trip.
func NewPong(id string, trip time.Duration) Pong { return Pong{id, trip.Seconds()} }
