package feed

// LanePath is the path of a record in a lane that has the leaves.
func LanePath(leaves []Hash, i uint64) []Hash {
	l := &lane{levels: [][]Hash{leaves}}
	return l.path(i)
}
