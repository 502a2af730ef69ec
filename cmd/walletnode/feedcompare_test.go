package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	stdnet "net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
)

// subscribed is a directory of who followed a mailbox of the office until its epoch was sealed.
func subscribed(t *testing.T, dir, mailbox string) string {
	t.Helper()
	state := t.TempDir()
	stop, _ := runFollow(t, dir, "--mailbox", mailbox, "--state", state, "--export", filepath.Join(state, "out"))
	awaitFile(t, filepath.Join(state, "out"))
	stop()
	return state
}

// runFollow follows in the background; stop ends it and wants no error.
func runFollow(t *testing.T, dir string, args ...string) (stop func(), out *written) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = &written{}
	app := newApp(nil, out, out)
	ended := make(chan error, 1)
	go func() {
		ended <- app.RunContext(ctx, append([]string{"walletnode", "--data-dir", dir, "feed", "follow"}, args...))
	}()
	return func() {
		cancel()
		require.NoError(t, <-ended, out.String())
	}, out
}

func awaitFile(t *testing.T, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(name)
		return err == nil
	}, 2*time.Minute, time.Millisecond)
}

func TestADirectoryIsComparedWithAnotherOne(t *testing.T) {
	dir, _ := posted(t)
	a, b := subscribed(t, dir, "a"), subscribed(t, dir, "b")
	want := "agree with %, mailbox b of alpha: 1 epochs alike, verified up to epoch 1\n"
	require.Equal(t, strings.Replace(want, "%", b, 1), succeed(t, "", "feed", "compare", "--state", a, "--with", b))
	file := filepath.Join(b, "out")
	require.Equal(t, strings.Replace(want, "%", file, 1), succeed(t, "", "feed", "compare", "--state", a, "--with", file))
	raw, err := os.ReadFile(filepath.Join(a, "verified.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"instance": "alpha", "unverified": 2}`, string(raw))

	// What the same instance sealed for somebody else.
	whole := filepath.FromSlash("../../net/feed/testdata/whole.export")
	got := call(t, "", "feed", "compare", "--json", "--state", a, "--with", whole, "--with", b)
	require.Equal(t, codeInvalid, got.code)
	var docs []view.FeedComparison
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &docs))
	require.Len(t, docs, 2)
	require.Equal(t, "blamed", docs[0].Verdict)
	require.Equal(t, "alpha", docs[0].Findings[0].Accused)
	require.Equal(t, "agree", docs[1].Verdict)
	keys := filepath.Join(a, "keys")
	succeed(t, "", "feed", "keys", "-o", keys, "--data-dir", dir)
	require.Equal(t, codeInvalid, call(t, "", "feed", "verify", "--keys", keys, docs[0].Proofs[0]).code, "the proof that is kept holds by itself")
	text := call(t, "", "feed", "compare", "--state", a, "--with", whole)
	require.Contains(t, text.stdout, "sealed one epoch twice\n  to blame  alpha\n")
	require.Contains(t, text.stdout, "  kept in   "+docs[0].Proofs[0])

	empty := filepath.Join(b, "empty")
	require.NoError(t, os.WriteFile(empty, feed.Export{Instance: "alpha", Mailbox: "b"}.Encode(), 0o600))
	for name, args := range map[string][]string{
		"no directory":  {"--state", t.TempDir(), "--with", b},
		"nothing":       {"--state", a, "--with", empty},
		"one's own":     {"--state", a, "--with", a},
		"no such file":  {"--state", a, "--with", filepath.Join(a, "nowhere")},
		"nobody there":  {"--state", a, "--with", "http://127.0.0.1:1"},
		"no export":     {"--state", a, "--with", keys},
		"no other":      {"--state", a},
		"a bad address": {"--state", a, "--with", "http://"},
	} {
		got := call(t, "", append([]string{"feed", "compare"}, args...)...)
		require.Equal(t, codeUnusable, got.code, "%s: %s %s", name, got.stdout, got.stderr)
	}
}

// Two who follow compare with each other by themselves, and nobody without the token is answered.
func TestTwoWhoFollowCompareByThemselves(t *testing.T) {
	dir, _ := posted(t)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("a token of sixteen or more\n"), 0o600))
	stop, said := runFollow(t, dir, "--mailbox", "b", "--serve", "127.0.0.1:0", "--peer-token", token)
	at := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "epoch 1 of alpha is sealed") }, 2*time.Minute, time.Millisecond)
	url := at.FindString(said.String())
	state := t.TempDir()
	end, out := runFollow(t, dir, "--mailbox", "a", "--state", state, "--policy", "hold", "--peer", url, "--peer-token", token)
	awaitFile(t, filepath.Join(state, "verified.json"))
	end()
	require.Contains(t, out.String(), "agree with "+url+", mailbox b of alpha: 1 epochs alike, verified up to epoch 1\n")
	require.Contains(t, succeed(t, "", "feed", "compare", "--state", state, "--with", url, "--peer-token", token), "agree with "+url)
	answer, err := http.Get(url + "/trail?mailbox=a&from=0&whole=0") //nolint:noctx // of the test's own server
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	stop()
}

// Other machines are answered over TLS, and only who has the certificate's own is believed.
func TestSubscribersCompareOverTLS(t *testing.T) {
	dir, _ := posted(t)
	a := subscribed(t, dir, "a")
	at := t.TempDir()
	cert, key, token := filepath.Join(at, "cert"), filepath.Join(at, "key"), filepath.Join(at, "token")
	require.NoError(t, os.WriteFile(token, []byte("a token of sixteen or more\n"), 0o600))
	selfSigned(t, cert, key)
	stop, said := runFollow(t, dir, "--mailbox", "b", "--serve", "127.0.0.1:0", "--peer-token", token, "--serve-cert", cert, "--serve-key", key)
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "epoch 1 of alpha is sealed") }, 2*time.Minute, time.Millisecond)
	url := regexp.MustCompile(`https://127\.0\.0\.1:\d+`).FindString(said.String())
	require.Contains(t, succeed(t, "", "feed", "compare", "--state", a, "--with", url, "--peer-token", token, "--peer-ca", cert), "agree with "+url)
	got := call(t, "", "feed", "compare", "--state", a, "--with", url, "--peer-token", token)
	require.Equal(t, codeUnusable, got.code)
	require.Contains(t, got.stdout, "unclear with "+url)
	require.Contains(t, got.stdout, "certificate")
	stop()
}

// selfSigned writes a certificate of 127.0.0.1 and its key.
func selfSigned(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	is := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []stdnet.IP{stdnet.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, is, is, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
}

func TestUsageOfComparingIsExplained(t *testing.T) {
	dir, _ := posted(t)
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	short, good := write("short", "guess"), write("good", "a token of sixteen or more")
	for want, args := range map[string][]string{
		"--serve needs --peer-token":   {"--serve", "127.0.0.1:0"},
		"--serve-cert and --serve-key": {"--serve", "0.0.0.0:0", "--peer-token", good},
		"--serve-cert: ":               {"--serve", "127.0.0.1:0", "--peer-token", good, "--serve-cert", good, "--serve-key", good},
		"16 characters":                {"--serve", "127.0.0.1:0", "--peer-token", short},
		"no certificate":               {"--peer", "https://b.example", "--peer-ca", good},
		"want the URL":                 {"--peer", dir},
		"sent to an https address":     {"--peer", "http://b.example", "--peer-token", good},
		"want 1 to 4096":               {"--epochs", "5000"},
	} {
		got := call(t, "", append([]string{"feed", "follow", "--mailbox", "a", "--data-dir", dir}, args...)...)
		require.Equal(t, codeUsage, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, want)
	}
}

// What two instances told is compared offline too, and nobody is blamed for a difference.
func TestExportsOfTwoInstancesAreCompared(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, raw []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, raw, 0o600))
		return path
	}
	a, err := office(t, "alpha", "signed too").Export(t.Context(), "a")
	require.NoError(t, err)
	other, err := office(t, "beta", "signed otherwise").Export(t.Context(), "b")
	require.NoError(t, err)
	alike, err := office(t, "beta", "signed too").Export(t.Context(), "b")
	require.NoError(t, err)
	raw, err := json.Marshal(keysOf(t, "alpha", "beta"))
	require.NoError(t, err)
	list, ours := write("keys", raw), write("a", a.Encode())
	require.Contains(t, succeed(t, "", "feed", "verify", "--keys", list, ours, write("alike", alike.Encode())), "agree\n")
	got := call(t, "", "feed", "verify", "--keys", list, ours, write("other", other.Encode()))
	require.Equal(t, codeUnusable, got.code)
	require.Contains(t, got.stdout, "unusable: the two differ, and nobody can be blamed for it\n")
	require.Contains(t, got.stdout, "differs   item 3 of node, of wallet "+chain.WalletID{2}.String()+", epoch 1: mailbox b of beta has another item of that number in epoch 1; ")
	alike.Epochs = nil
	got = call(t, "", "feed", "verify", "--keys", list, ours, write("none", alike.Encode()))
	require.Equal(t, codeUnusable, got.code)
	require.Contains(t, got.stdout, "nothing to compare")
}
