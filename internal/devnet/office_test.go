package devnet

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

// meddler alters what a node sends, as long as it is told to.
type meddler struct {
	http.ResponseWriter
	honest *atomic.Bool
	t      *testing.T
}

// Unwrap lets http.ResponseController find what it asks for.
func (m *meddler) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// Write takes one line. A leader's message has another number than it had, as if one before it had been kept back.
func (m *meddler) Write(raw []byte) (int, error) {
	var line feedclient.Line
	if m.honest.Load() || len(bytes.TrimSpace(raw)) == 0 || json.Unmarshal(raw, &line) != nil || line.Entry == nil {
		return m.ResponseWriter.Write(raw)
	}
	e, err := feed.DecodeEntry(line.Entry)
	if err != nil {
		m.t.Error(err)
		return 0, err
	}
	e.Number++
	line.Entry = e.Encode()
	altered, err := json.Marshal(line)
	if err != nil {
		m.t.Error(err)
		return 0, err
	}
	if _, err := m.ResponseWriter.Write(append(altered, '\n')); err != nil {
		return 0, err
	}
	return len(raw), nil
}

// A man in the middle between a node and its signer, a process of its own, alters the signer's mailbox. That signer refuses everything by rule
// feed, and its health and its log say why, until he is gone and a seal shows that all that came is well. The others sign meanwhile.
func TestAManInTheMiddleStopsASignerUntilItsMailboxIsWell(t *testing.T) {
	beside(t)
	var honest atomic.Bool
	between := func(operator int, node http.Handler) http.Handler {
		if operator != 1 {
			return node
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/feed/mailboxes/signer.") {
				w = &meddler{w, &honest, t}
			}
			node.ServeHTTP(w, r)
		})
	}
	screen := new(recording)
	screen.look = func() {
		cheated, spared := feedOf(t, screen.intro.Operators[1].Dir), feedOf(t, screen.intro.Operators[0].Dir)
		state := func(want signer.FeedState, of *daemon.Client) {
			require.Eventually(t, func() bool {
				health, err := of.Health(t.Context())
				return err == nil && health.Feed == want
			}, 2*time.Minute, 50*time.Millisecond, want)
		}
		if honest.Load() { // window 2
			state(signer.FeedFollows, cheated)
			return
		}
		state(signer.FeedFalse, cheated)
		state(signer.FeedFollows, spared)
		refusal := func(by *daemon.Client) string {
			open := signer.SignOpen{Intent: signer.Intent{Wallet: screen.intro.Wallets[0].ID(), Window: 900, Statement: []byte("whatever")}, Attempt: 1, Signers: []chain.Seat{1, 2}}
			_, err := by.Sign(t.Context(), signer.SignRound{Round: 1, Open: &open})
			var refused *signer.Refused
			require.ErrorAs(t, err, &refused)
			require.Equal(t, signer.RuleFeed, refused.Rule)
			return refused.Detail
		}
		require.Contains(t, refusal(cheated), "the mailbox was altered on its way")
		require.Contains(t, refusal(spared), "not what a leader proposes in the mailbox", "it has what was proposed, and this is something else")
		honest.Store(true)
	}
	r := play(t, Config{Scenario: "calm", Windows: 2, Operators: 3, Wallets: 1, Seats: 3, Enclaves: 1, Seed: 3, Screen: screen, between: between})
	require.Len(t, r.reports, 2)
	require.True(t, honest.Load())
	for _, row := range r.reports[0].Rows {
		require.NotNil(t, row.Transaction, "two of three seats suffice")
	}
	said, err := os.ReadFile(filepath.Join(r.intro.Operators[1].Dir, "enclave-1", "signer.log"))
	require.NoError(t, err)
	require.Contains(t, string(said), "The mailbox is not what its instance signs")
	require.Contains(t, string(said), "The mailbox was read anew and is well")
	require.DirExists(t, filepath.Join(r.intro.Operators[1].Dir, "enclave-1", "feed.false"))
}

// feedOf asks an operator's signer as its node does.
func feedOf(t *testing.T, dir string) *daemon.Client {
	t.Helper()
	c, err := config.Load(filepath.Join(dir, configName), nil, nil)
	require.NoError(t, err)
	fingerprint, err := daemon.ParseFingerprint(c.Signers[0].Fingerprint)
	require.NoError(t, err)
	asked, err := daemon.Dial(daemon.Config{
		URL: c.Signers[0].URL, Fingerprint: fingerprint, Certificate: c.Signing.ClientCertFile, Key: c.Signing.ClientKeyFile,
		Health: time.Minute, Read: time.Minute, Sign: time.Minute, Generate: time.Minute,
	})
	require.NoError(t, err)
	t.Cleanup(asked.Close)
	return asked
}
