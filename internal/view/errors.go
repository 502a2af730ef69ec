package view

import "errors"

// Errors of questions that a running node cannot answer now.
var (
	// ErrNoHead says that the chain endpoint has shown no block since the start.
	ErrNoHead = errors.New("no block has arrived since the start")
	// ErrNotYet says that a window's seed block does not exist yet, so nobody knows its leader.
	ErrNotYet = errors.New("the seed block does not exist yet")
	// ErrOneEndpoint says that the node has one chain endpoint alone, which nothing is compared with.
	ErrOneEndpoint = errors.New("the node has one chain endpoint alone: ethereum.multi is not enabled")
	// ErrOneInstance says that the node is its operator's only instance, on a database of its own.
	ErrOneInstance = errors.New("the node is the only instance: instances share a PostgreSQL database (store.dsn)")
	// ErrConfiguration says that a configuration that was read again is wrong, and nothing was changed.
	ErrConfiguration = errors.New("nothing was changed")
	// ErrNoNetwork says that the node's network knows no peers, as in a simulation.
	ErrNoNetwork = errors.New("the node has no network of its own")
)
