package chain

import "time"

// MaxBatch is how many headers are asked of an endpoint in one batch: 64. Endpoints answer with whole blocks, the hashes
// of whose transactions make some 20 kB each, so that a batch is 1 to 2 MB.
const MaxBatch = 64

// Ask is what a poll of an endpoint asks beyond chain ID, newest, safe and finalized header and sync state.
type Ask struct {
	From, To Height // headers by number, at most 4; none if To is 0
	Peers    bool   // the peer count and, where the endpoint tells, who they are
}

// Sight is what one poll of an endpoint showed. The hashes of its headers are computed from their fields.
type Sight struct {
	ChainID   uint64
	Head      Header
	Headers   []Header // of Ask.From .. Ask.To, ascending; those the endpoint does not have are left out
	Safe      Header   // zero if the endpoint cannot tell
	Finalized Header   // zero if the endpoint cannot tell
	Syncing   bool
	Peers     *Peers // nil if not asked
	// Disputed is the first header whose claimed hash is not that of its fields; zero for none.
	Disputed Height
	Took     time.Duration // from request to answer
}

// Peers is what an endpoint tells of its own peers.
type Peers struct {
	Known bool // false: the endpoint cannot tell, which says nothing about it
	Count int
	// Self is the endpoint's own node ID and IDs are its peers', in hex; both empty where the admin methods are closed,
	// as they mostly are. At most MaxPeerIDs are kept.
	Self string
	IDs  []string
}

// MaxPeerIDs is how many peers of an endpoint are kept by their IDs: ten times what a client connects to by itself.
const MaxPeerIDs = 512
