package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	stdnet "net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
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
	require.JSONEq(t, `[{"moves": 0, "instance": "alpha", "unverified": 2}]`, string(raw))

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

// served is a follower of the office's mailbox b that answers others, once an epoch of it is sealed. It returns where, and what ends it.
func served(t *testing.T, dir, token string, args ...string) (url string, stop func()) {
	t.Helper()
	stop, said := runFollow(t, dir, append([]string{"--mailbox", "b", "--serve", "127.0.0.1:0", "--peer-token", token}, args...)...)
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "epoch 1 of alpha is sealed") }, 2*time.Minute, time.Millisecond)
	return regexp.MustCompile(`https?://127\.0\.0\.1:\d+`).FindString(said.String()), stop
}

// tokenFile writes what subscribers show each other.
func tokenFile(t *testing.T) string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("a token of sixteen or more\n"), 0o600))
	return token
}

// Two who follow compare with each other by themselves, and nobody without the token is answered.
func TestTwoWhoFollowCompareByThemselves(t *testing.T) {
	dir, _ := posted(t)
	token, state := tokenFile(t), t.TempDir()
	url, stop := served(t, dir, token)
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
	at, token := t.TempDir(), tokenFile(t)
	cert, key := filepath.Join(at, "cert"), filepath.Join(at, "key")
	selfSigned(t, cert, key)
	url, stop := served(t, dir, token, "--serve-cert", cert, "--serve-key", key)
	require.True(t, strings.HasPrefix(url, "https://"), url)
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

// writesIn returns what writes files of a directory, and says where they are.
func writesIn(t *testing.T, dir string) func(name string, raw []byte) string {
	return func(name string, raw []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, raw, 0o600))
		return path
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
	write := writesIn(t, dir)
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
	require.Contains(t, got.stdout, "differs   item 3 of node, of wallet "+chain.WalletID{2}.String()+": mailbox b of beta has another item of that number in epoch 1; nobody can be blamed")
	alike.Epochs = nil
	got = call(t, "", "feed", "verify", "--keys", list, ours, write("none", alike.Encode()))
	require.Equal(t, codeUnusable, got.code)
	require.Contains(t, got.stdout, "nothing to compare")
}

// One instance tells nothing of a source any more, and goes on with another one's: that differs, and proves nothing.
func TestWhatIsWithheldToTheEndIsToldOffline(t *testing.T) {
	dir := t.TempDir()
	write := writesIn(t, dir)
	export := func(name, mailbox string, last uint64) []byte {
		p := office(t, name, "signed too")
		for e := uint64(2); e <= 6; e++ {
			say := func(source string, number uint64) {
				require.NoError(t, p.Submit(t.Context(), source, number, []pipeline.Message{
					{Wallet: chain.WalletID{1}, Kind: feed.KindProposal, Payload: fmt.Appendf(nil, "%s %d", source, number)},
				}))
			}
			if n := e + 2; n <= last {
				say("node", n)
			}
			say("other", e-1)
			p.heights <- chain.Height(e+1) * 900
			require.Eventually(t, func() bool { return p.Now().Term.Epoch == feed.Epoch(e+1) }, time.Minute, time.Millisecond) // what comes is of it
		}
		x, err := p.exportUntil(t.Context(), mailbox, 6)
		require.NoError(t, err)
		return witnessed(t, "", x).Encode()
	}
	raw, err := json.Marshal(keysOf(t, "alpha", "beta", "node", "other"))
	require.NoError(t, err)
	list, ours, theirs := write("keys", raw), write("a", export("alpha", "a", 8)), write("b", export("beta", "b", 3))
	for _, files := range [][]string{{ours, theirs}, {theirs, ours}} {
		got := call(t, "", append([]string{"feed", "verify", "--keys", list}, files...)...)
		require.Equal(t, codeUnusable, got.code, got.stdout)
		require.Contains(t, got.stdout, "differs   item 4 of node, of wallet "+chain.WalletID{1}.String()+": mailbox b of beta has nothing of node after item 3 up to epoch 6")
		got = call(t, "", append([]string{"feed", "verify", "--json", "--keys", list}, files...)...)
		require.Equal(t, codeUnusable, got.code)
		var v view.FeedVerdict
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &v))
		require.Equal(t, []view.FeedFinding{{
			Wallet: &chain.WalletID{1}, Epoch: 2, Record: 4, Trace: []view.FeedAnswer{},
			Item: &view.FeedItem{Source: "node", Number: 4, Instance: "beta", Mailbox: "b", Epoch: 6, Lacks: true, After: 3},
		}}, v.Findings)
	}
}

// witnessed adds to an export what the origin of its items signed; of no origin each item's own.
func witnessed(t *testing.T, origin string, x feed.Export) feed.Export {
	t.Helper()
	x.Epochs = slices.Clone(x.Epochs)
	for i := range x.Epochs {
		k := &x.Epochs[i]
		k.Witnesses = nil
		for _, e := range k.Entries {
			item := e.Record.Item
			s, err := feed.NewSigner(cmp.Or(origin, item.Source), instanceKey(cmp.Or(origin, item.Source)))
			require.NoError(t, err)
			k.Witnesses = append(k.Witnesses, feed.Witnesses([]feed.Item{item}, s.SignItems([]feed.Item{item}))[0])
		}
	}
	return x
}

// An instance that took an origin's items in another order is proved to have done so by its own seal: also without the origin's key.
func TestAnOrderThatAnInstanceChangedIsProvedOffline(t *testing.T) {
	dir := t.TempDir()
	keys := func(names ...string) string {
		raw, err := json.Marshal(keysOf(t, names...))
		require.NoError(t, err)
		path := filepath.Join(dir, strings.Join(names, "-"))
		require.NoError(t, os.WriteFile(path, raw, 0o600))
		return path
	}
	straight, reordered := filepath.FromSlash("../../net/feed/testdata/straight.export"), filepath.FromSlash("../../net/feed/testdata/reordered.export")
	for name, files := range map[string][]string{"one": {straight, reordered}, "other": {reordered, straight}} {
		proof := filepath.Join(dir, name)
		got := call(t, "", append([]string{"feed", "verify", "--keys", keys("alpha", "beta"), "--proof", proof}, files...)...)
		require.Equal(t, codeInvalid, got.code, got.stderr)
		require.Contains(t, got.stdout, "item 1 of alpha, of wallet ")
		require.Contains(t, got.stdout, ": mailbox b of beta has it out of its order, or more than once, in epoch 1: a mailbox has an item out of its origin's order or repeated\n"+
			"  to blame  beta/inbox (record 2)\n")
		got = call(t, "", append([]string{"feed", "verify", "--keys", keys("alpha", "beta"), "--json"}, files...)...)
		var v view.FeedVerdict
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &v))
		require.Len(t, v.Findings, 1)
		require.Equal(t, "beta/inbox", v.Findings[0].Accused)
		require.Equal(t, view.FeedItem{Source: "alpha", Number: 1, Instance: "beta", Mailbox: "b", Epoch: 1, Strays: true, Record: 2}, *v.Findings[0].Item)
		got = call(t, "", "feed", "verify", "--keys", keys("beta"), proof+".1")
		require.Equal(t, codeInvalid, got.code, got.stderr)
		require.Contains(t, got.stdout, "epoch 1: a mailbox has an item out of its origin's order or repeated\n  to blame  beta/inbox\n")
	}
}

// With what the origin signed it is proved who is to blame, and whoever has the keys can check the proof by itself.
func TestADifferenceBetweenTwoInstancesIsProvedOffline(t *testing.T) {
	dir := t.TempDir()
	write := writesIn(t, dir)
	one, err := office(t, "alpha", "signed too").Export(t.Context(), "a")
	require.NoError(t, err)
	two, err := office(t, "beta", "signed otherwise").Export(t.Context(), "b")
	require.NoError(t, err)
	raw, err := json.Marshal(keysOf(t, "alpha", "beta", "node"))
	require.NoError(t, err)
	list := write("keys", raw)
	a := write("a", witnessed(t, "node", one).Encode())
	for name, play := range map[string]struct {
		b       []byte
		accused string
		record  feed.Seq
		says    string
	}{
		"altered":  {two.Encode(), "beta", 3, "to blame  beta (record 3), unless it shows that node signed another item of that number\n"},
		"two told": {witnessed(t, "node", two).Encode(), "node", 0, "to blame  node\n"},
	} {
		proof := filepath.Join(dir, name)
		got := call(t, "", "feed", "verify", "--keys", list, "--proof", proof, "--json", a, write("b", play.b))
		require.Equal(t, codeInvalid, got.code, got.stdout)
		var v view.FeedVerdict
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &v))
		require.Equal(t, play.accused, v.Findings[0].Accused)
		require.Equal(t, play.record, v.Findings[0].Item.Record)
		got = call(t, "", "feed", "verify", "--keys", list, proof+".1")
		require.Equal(t, codeInvalid, got.code)
		require.Contains(t, got.stdout, "proof     item 3 of node, of wallet "+chain.WalletID{2}.String())
		require.Contains(t, got.stdout, play.says)
		few, err := json.Marshal(keysOf(t, "alpha", "beta"))
		require.NoError(t, err)
		got = call(t, "", "feed", "verify", "--keys", write("few", few), proof+".1")
		require.Equal(t, codeUnusable, got.code, "without the origin's key it cannot be told")
	}
}
