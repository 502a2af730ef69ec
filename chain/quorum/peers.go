package quorum

// selves returns the node IDs of all endpoints that tell theirs.
func selves(rows []Row) map[string]bool {
	ids := make(map[string]bool, len(rows))
	for _, row := range rows {
		if row.Peers != nil && row.Peers.Self != "" {
			ids[row.Peers.Self] = true
		}
	}
	return ids
}

// clique is an endpoint whose peers are all endpoints of ours: together they may follow a chain that nobody else does. Who
// its peers are is mostly not told; then their number must do, see isolated.
func (c *court) clique(s scene) weight {
	if s.Peers == nil || len(s.Peers.IDs) == 0 || s.Peers.Count > len(s.Peers.IDs) {
		return nothing
	}
	for _, id := range s.Peers.IDs {
		if !c.selves[id] {
			return nothing
		}
	}
	return hard
}

// isolated is an endpoint with too few peers to know what the network does.
func (c *court) isolated(s scene) weight {
	return when(s.Peers != nil && s.Peers.Known && s.Peers.Count < c.rules.MinPeers, hard)
}
