package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// ceremony is a node's only key generation, of which each question finds the next stage.
type ceremony struct {
	mu      sync.Mutex
	request keygen.Request
	stages  []keygen.Status
}

var aSession = signer.SessionID{0xab, 0xcd}

func (c *ceremony) Create(_ context.Context, r keygen.Request) (signer.SessionID, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.request = r
	return aSession, nil
}

func (c *ceremony) Accept(_ context.Context, s signer.SessionID) error { return c.known(s) }

func (c *ceremony) Decline(_ context.Context, s signer.SessionID) error {
	c.mu.Lock()
	c.stages = []keygen.Status{stage(keygen.Declined, "by the operator", keygen.Progress{})}
	c.mu.Unlock()
	return c.known(s)
}

func (c *ceremony) known(s signer.SessionID) error {
	if s != aSession {
		return fmt.Errorf("%w: %v", keygen.ErrUnknown, s)
	}
	return nil
}

func (c *ceremony) Status(_ context.Context, s signer.SessionID) (keygen.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.stages[0]
	if len(c.stages) > 1 {
		c.stages = c.stages[1:]
	}
	return now, c.known(s)
}

func (c *ceremony) Statuses(context.Context) ([]keygen.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stages, nil
}

// stage is a key generation of three seats at a moment.
func stage(state keygen.State, detail string, p keygen.Progress) keygen.Status {
	st := keygen.Status{
		Row: keygen.Row{Session: aSession, State: state, Detail: detail, Created: time.Unix(1, 0), Changed: time.Unix(1, 0)},
		Invited: keygen.Invitation{
			Terms: keygen.Terms{Roster: []chain.Operator{{1}, {1}, {2}}, Threshold: 2, Scheme: signer.FROST}, By: chain.Operator{1}, Expires: time.Unix(9, 0),
		},
		Seats: []chain.Seat{1, 2}, Progress: p,
	}
	if state == keygen.Active {
		st.Wallet = chain.WalletID{7}
	}
	return st
}

// generating runs the API of a node whose key generation goes through some stages, and returns its data directory.
func generating(t *testing.T, stages ...keygen.Status) (dir string, c *ceremony) {
	t.Helper()
	dir, c = t.TempDir(), &ceremony{stages: stages}
	server := &api.Server{Logger: slog.New(slog.DiscardHandler)}
	if len(stages) > 0 {
		server.Keygens = c
	}
	serveAPI(t, dir, server)
	return dir, c
}

func TestWalletIsCreatedAndWaitedFor(t *testing.T) {
	dir, c := generating(t,
		stage(keygen.Accepted, "", keygen.Progress{Awaited: []chain.Operator{{2}}}),
		stage(keygen.Running, "", keygen.Progress{Round: 2, Awaited: []chain.Operator{{2}}}),
		stage(keygen.Active, "", keygen.Progress{}))
	a, b := chain.Operator{1}, chain.Operator{2}
	create := []string{"wallets", "create", "--operators", a.String() + "," + b.String(), "--seats", "2,1", "--threshold", "2", "--data-dir", dir}
	got := call(t, "", append(create, "--wait")...)
	require.Equal(t, codeOK, got.code, got.stderr)
	require.Equal(t, keygen.Request{Roster: []chain.Operator{a, a, b}, Threshold: 2, Scheme: signer.FROST}, c.request)
	require.Equal(t, "walletnode: accepted, waits for "+b.String()+"\nwalletnode: running, round 2, waits for "+b.String()+"\nwalletnode: active\n", got.stderr)
	require.Contains(t, got.stdout, "session "+aSession.String()+"\n  state      active\n  scheme     frost, 2 of 3 seats sign\n")
	require.Contains(t, got.stdout, "  wallet     "+chain.WalletID{7}.String()+"\n")
	require.Contains(t, got.stdout, "      2      "+a.String()+"\n      1      "+b.String()+"\n")

	succeed(t, "", append(create, "--scheme", "cmp")...)
	require.Equal(t, signer.CMP, c.request.Scheme)
	var k view.Keygen
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", append(create, "--json")...)), &k))
	require.Equal(t, aSession.String(), k.Session)
}

func TestWaitingForAFailedWalletFails(t *testing.T) {
	dir, _ := generating(t, stage(keygen.Running, "", keygen.Progress{Round: 1}), stage(keygen.Failed, "seat 3 lied\x1b[2J", keygen.Progress{}))
	got := call(t, "", "wallets", "accept", aSession.String(), "--wait", "--data-dir", dir)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, `the key generation is over (failed): seat 3 lied\x1b[2J`)
	require.NotContains(t, got.stderr+got.stdout, "\x1b")
}

func TestPendingKeyGenerationsAreListed(t *testing.T) {
	dir, _ := generating(t, stage(keygen.Invited, "", keygen.Progress{}), stage(keygen.Failed, "nobody came", keygen.Progress{}),
		stage(keygen.Attesting, "x has not attested yet", keygen.Progress{Awaited: []chain.Operator{{2}}}))
	text := succeed(t, "", "wallets", "pending", "--data-dir", dir)
	require.Regexp(t, `^SESSION +STATE +SCHEME +THRESHOLD +OUR SEATS +INVITED BY +EXPIRES +DETAIL\n`+aSession.String()+` +invited +frost +2 of 3 +2 +0x01`, text)
	require.Regexp(t, `attesting .* waits for 0x02\d+: x has not attested yet\n$`, text)
	require.NotContains(t, text, "nobody came")
	require.Contains(t, succeed(t, "", "wallets", "pending", "--all", "--data-dir", dir), "nobody came")
	var list view.Keygens
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "wallets", "pending", "--json", "--data-dir", dir)), &list))
	require.Len(t, list.Keygens, 2)
	require.Contains(t, succeed(t, "", "wallets", "decline", aSession.String(), "--data-dir", dir), "declined: by the operator")
}

func TestBadInputKeyGenerations(t *testing.T) {
	dir, c := generating(t, stage(keygen.Invited, "", keygen.Progress{}))
	a, b := chain.Operator{1}.String(), chain.Operator{2}.String()
	for says, args := range map[string][]string{
		"threshold 4 is above the 3 seats":                  {"--operators", a + "," + b, "--seats", "2,1", "--threshold", "4"},
		"threshold 1, want 2 at least":                      {"--operators", a + "," + b, "--seats", "2,1", "--threshold", "1"},
		"has 0 seats, want 1 at least":                      {"--operators", a + "," + b, "--seats", "2,0", "--threshold", "2"},
		"stands there twice":                                {"--operators", a + "," + a, "--seats", "2,1", "--threshold", "2"},
		"2 operators and 3 numbers of seats":                {"--operators", a + "," + b, "--seats", "2,1,1", "--threshold", "2"},
		`--seats: "x" is no number`:                         {"--operators", a + "," + b, "--seats", "2,x", "--threshold", "2"},
		"--operators: operator address: want 40 hex digits": {"--operators", "0x01", "--seats", "2", "--threshold", "2"},
		`there is no "rsa" (there are: frost, cmp)`:         {"--operators", a + "," + b, "--seats", "2,1", "--threshold", "2", "--scheme", "rsa"},
		"more than 255 seats":                               {"--operators", a + "," + b, "--seats", "255,1", "--threshold", "2"},
		"--seats is missing: a wallet takes":                {"--operators", a},
	} {
		got := call(t, "", append([]string{"wallets", "create", "--data-dir", dir}, args...)...)
		require.Equal(t, codeUsage, got.code, "%s: %s", says, got.stderr)
		require.Contains(t, got.stderr, says)
		require.Empty(t, got.stdout)
	}
	require.Empty(t, c.request.Roster, "nothing was asked for")

	got := call(t, "", "wallets", "accept", "abc", "--data-dir", dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "3 characters are not 64 hex digits")
	got = call(t, "", "wallets", "accept", strings.Repeat("0", 64), "--data-dir", dir)
	require.Equal(t, codeNotFound, got.code)
	require.Contains(t, got.stderr, "walletnode wallets pending --all shows what there is")

	unsigned, _ := generating(t)
	got = call(t, "", "wallets", "pending", "--data-dir", unsigned)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "the node has no signer backends")
	got = call(t, "", "wallets", "pending", "--data-dir", t.TempDir())
	require.Equal(t, codeUnreachable, got.code)
}
