package feed

import "fmt"

// Witness takes what is said to be what the origin signed of the entry that was read last, and keeps it beside the entry. After an error
// the entry has none: of ErrUnknownInstance nothing can be told. Of any other the key may be a new one that is not known yet; where it is not, Unsigned says so.
func (r *Reader) Witness(w Witness) error {
	i, err := r.last()
	if err != nil {
		return err
	}
	e := &r.latest.Entries[i]
	r.signed.Keys = r.keys
	err = r.signed.Verify(e.Record.Item, w)
	if _, known := r.keys[w.Origin.Source]; err != nil && !known {
		return fmt.Errorf("record %d: %s: %w", e.Record.Seq, w.Origin.Source, ErrUnknownInstance)
	}
	if err != nil {
		return fmt.Errorf("record %d: what came as its origin's signature: %w", e.Record.Seq, err)
	}
	if r.latest.Witnesses == nil {
		r.latest.Witnesses = make([]*Witness, len(r.latest.Entries), cap(r.latest.Entries))
	}
	r.latest.Witnesses[i] = &w
	return nil
}

// Unsigned says that what came as the origin's signature of the entry that was read last is not the origin's. The instance is blamed with the
// epoch's seal.
func (r *Reader) Unsigned() {
	if i, err := r.last(); err == nil {
		r.suspect(r.latest.Entries[i].Record.Seq)
	}
}

// last is the place of the entry that was read last among those of its epoch.
func (r *Reader) last() (int, error) {
	if r.latest == nil || len(r.latest.Entries) == 0 {
		return 0, malformed("a signature of no entry")
	}
	i := len(r.latest.Entries) - 1
	if e := r.latest.Entries[i]; e.Number != r.at.Number || e.Gap != nil {
		return 0, malformed("a signature of no record")
	}
	return i, nil
}
