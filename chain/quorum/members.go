package quorum

import (
	"errors"
	"fmt"
	"slices"
)

// maxMembers bounds how many endpoints a pool has: each has a goroutine, a connection and a label in metrics.
const maxMembers = 32

// roles returns the member's roles, all of them if none is named.
func (m Member) roles() []Role {
	if len(m.Roles) == 0 {
		return []Role{RoleRead, RoleVote, RoleSend}
	}
	return slices.Clone(m.Roles)
}

// sendOnly reports whether the member takes transactions and nothing else.
func (m Member) sendOnly() bool { return m.Has(RoleSend) && !m.Has(RoleRead) && !m.Has(RoleVote) }

// checkMembers joins every complaint about a set of endpoints.
func checkMembers(members []Member) error {
	var complaints []error
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Errorf(format, args...)) }
	names, keys, groups, primaries, readers := map[string]bool{}, map[string]string{}, map[string]bool{}, 0, 0
	for i, m := range members {
		switch {
		case m.Name == "":
			complain("endpoint %d has no name", i+1)
		case names[m.Name]:
			complain("two endpoints are named %q", m.Name)
		}
		names[m.Name] = true
		if other, taken := keys[m.Key]; taken && m.Key != "" && other != m.Name {
			complain("endpoints %q and %q are the same one", other, m.Name)
		}
		keys[m.Key] = m.Name
		if m.Open == nil {
			complain("endpoint %q cannot be opened", m.Name)
		}
		if m.Primary {
			primaries++
			if !m.Has(RoleRead) {
				complain("the primary endpoint %q does not serve reads", m.Name)
			}
		}
		if m.Has(RoleRead) {
			readers++
		}
		if m.Has(RoleVote) {
			if m.Group == "" {
				complain("endpoint %q has no vote group", m.Name)
			}
			groups[m.Group] = true
		}
		for _, r := range m.Roles {
			if r != RoleRead && r != RoleVote && r != RoleSend {
				complain("endpoint %q has the unknown role %q", m.Name, r)
			}
		}
	}
	if primaries != 1 {
		complain("%d endpoints are primary, one must be", primaries)
	}
	if readers == 0 {
		complain("no endpoint serves reads")
	}
	if len(groups) < 2 {
		complain("endpoints of %d vote group cannot check each other, two groups are the least", len(groups))
	}
	if len(members) > maxMembers {
		complain("%d endpoints, the most is %d", len(members), maxMembers)
	}
	return errors.Join(complaints...)
}

// preferred returns the members in the order in which they are preferred: the primary, then as configured.
func preferred(members []Member) []Member {
	sorted := slices.Clone(members)
	slices.SortStableFunc(sorted, func(a, b Member) int {
		switch {
		case a.Primary == b.Primary:
			return 0
		case a.Primary:
			return -1
		default:
			return 1
		}
	})
	return sorted
}

// key returns what tells the member apart across a reload; its name if it has no key.
func (m Member) key() string {
	if m.Key == "" {
		return "name " + m.Name
	}
	return "key " + m.Key
}
