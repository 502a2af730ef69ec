// Package client reaches a wallet's responsible instance through any of the operator's instances.
package client

import (
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Directory is the operator's instances and where they are reached, signed with the operator's key: a client follows a
// redirect only to hosts that stand in one.
type Directory struct {
	Operator  chain.Operator `json:"operator"`
	Issued    time.Time      `json:"issued"`
	Expires   time.Time      `json:"expires"`
	Instances []Entry        `json:"instances"`
	Signature []byte         `json:"signature"`
}

// Entry is one instance of a Directory.
type Entry struct {
	ID   string   `json:"id"`
	URLs []string `json:"urls"` // in order of preference
}
