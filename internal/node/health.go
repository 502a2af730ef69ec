package node

// ill says what keeps the node from serving any wallet now, as far as chain and peers are concerned: it would lead into
// nothing, or accuse others of its own blindness.
func (s *sharing) ill() []string {
	ill := s.cfg.Chain.ill()
	if s.cfg.Members.isolated() {
		ill = append(ill, "connected to no other operator")
	}
	return ill
}
