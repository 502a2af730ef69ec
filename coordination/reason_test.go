package coordination

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated documents instead of comparing them")

// published are the codes that have stood in a release or in rule R9. A code may be added; none may go or change its
// text, because stores, exports and alerts hold them.
const published = `ok noop leader_idle leader_mistake leader_impersonation leader_equivocation unverifiable validation_error
	params_mismatch node_down late_start chain_stalled seed_unavailable no_quorum no_peers generation_failed busy wallet_busy
	no_signer signer_unavailable signer_refused revoked expired lease_not_held draining store_failed handler_failed invalidated leader_banned`

func TestR9ReasonsAreAClosedListThatOnlyGrows(t *testing.T) {
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		require.False(t, seen[r], "%s is listed twice", r)
		seen[r] = true
		means, todo := r.Explain()
		require.NotEmpty(t, means, "%s", r)
		require.NotEmpty(t, todo, "%s", r)
		parsed, err := ParseReason(string(r))
		require.NoError(t, err)
		require.Equal(t, r, parsed)
	}
	for _, code := range strings.Fields(published) {
		require.True(t, seen[Reason(code)], "%s is gone", code)
	}
	_, err := ParseReason("no such reason")
	require.Error(t, err)
}

func TestR9DocsReasonsIsGeneratedFromTheList(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("# Reasons\n\nWhy a window, or an action, ended as it did. The codes are stable: scripts and alerts may rely on them.\n" +
		"This page is generated from the list in the code: `go test ./coordination -run R9 -update`.\n\n" +
		"| code | what it means | what to do |\n|---|---|---|\n")
	for _, r := range reasons {
		fmt.Fprintf(&doc, "| `%s` | %s | %s |\n", r.code, r.means, r.todo)
	}
	const path = "../docs/reasons.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(doc.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, doc.String(), string(have), "run the command that the page names")
}
