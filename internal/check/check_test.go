package check

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	stdnet "net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/stretchr/testify/require"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net"
)

var quiet = slog.New(slog.DiscardHandler)

func startChain(t testing.TB) *localchain.Chain {
	t.Helper()
	c, err := localchain.New(localchain.Config{BlockTime: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.Mine(t.Context(), 2))
	return c
}

// sound is an input with which every area passes, but for the peers, of which there are none.
func sound(t testing.TB, c *localchain.Chain) Input {
	t.Helper()
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Node.DataDir = dir
	cfg.Operator.KeyFile = filepath.Join(dir, "operator.json")
	_, err := keys.CreateOperator(cfg.Operator.KeyFile, "secret", keys.Light)
	require.NoError(t, err)
	cfg.Ethereum.CallTimeout = 5 * time.Second
	cfg.Ethereum.RequestsPerSecond = 0
	cfg.Network.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	cfg.Network.AdmissionDeadline = 5 * time.Second
	if c != nil {
		cfg.Ethereum.URL, cfg.Ethereum.Bridge, cfg.Ethereum.Validator = c.URL(), c.Bridge(), c.Validator()
		cfg.Ethereum.ChainID = 1337
	}
	in := Input{Config: cfg, Password: func() (string, error) { return "secret", nil }}
	if c != nil { // the chain's time is its own: this machine's clock is set to it
		head, err := c.Header(c.Height())
		require.NoError(t, err)
		in.Now = func() time.Time { return head.Time.Add(12 * time.Second) }
	}
	return in
}

// find returns the result of one check.
func find(t testing.TB, results []Result, name string) Result {
	t.Helper()
	for _, r := range results {
		if r.Name == name {
			if r.Status == Warn || r.Status == Fail {
				require.NotEmpty(t, r.Hint, "%+v", r)
			}
			return r
		}
	}
	require.Failf(t, "no such check", "%s in %+v", name, results)
	return Result{}
}

func statuses(results []Result) string {
	var text strings.Builder
	for _, r := range results {
		text.WriteString(r.Area + "/" + r.Name + " " + string(r.Status) + "\n")
	}
	return text.String()
}

func TestASoundNodePasses(t *testing.T) {
	in := sound(t, startChain(t))
	results := Run(t.Context(), in, Areas()...)
	require.False(t, Failed(results, false), "%+v", results)
	require.True(t, Failed(results, true), "no peers is a warning")
	require.Equal(t, `config/configuration PASS
config/operator_key PASS
config/instance_key PASS
chain/endpoint PASS
chain/chain_id PASS
chain/head PASS
chain/bridge PASS
chain/validator PASS
chain/contracts PASS
clock/endpoint_clock `+string(find(t, results, "endpoint_clock").Status)+`
clock/chain_clock PASS
store/directory PASS
store/store PASS
store/chain SKIP
store/disk `+string(find(t, results, "disk").Status)+`
ports//ip4/127.0.0.1/tcp/0 PASS
ports//ip4/127.0.0.1/udp/0/quic-v1 PASS
ports/api PASS
peers/peers WARN
instances/bootstrap SKIP
`, statuses(results))
	entries, err := os.ReadDir(in.Config.Node.DataDir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left but the key that was there")
}

func TestBadInputClockTenMinutesOff(t *testing.T) {
	c := startChain(t)
	for name, shift := range map[string]time.Duration{"behind": -10 * time.Minute, "ahead": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			in := sound(t, c)
			now := in.Now()
			in.Now = func() time.Time { return now.Add(shift) }
			r := find(t, Run(t.Context(), in, Clock), "chain_clock")
			require.Equal(t, Fail, r.Status)
			require.Contains(t, r.Hint, "timedatectl set-ntp true")
			require.Contains(t, r.Detail, name)
			require.Regexp(t, `(9m48s|10m12s)`, r.Detail)
		})
	}
	in := sound(t, c)
	in.Config.Ethereum.MaxHeaderAge = 0
	require.Equal(t, Skip, find(t, Run(t.Context(), in, Clock), "chain_clock").Status)
}

func TestTheEndpointsMachineTellsItsTime(t *testing.T) {
	require.Equal(t, Pass, judgeDifference(-14*time.Second, "x").status)
	require.Equal(t, Warn, judgeDifference(-16*time.Second, "x").status)
	require.Equal(t, Warn, judgeDifference(2*time.Minute, "x").status)
	v := judgeDifference(10*time.Minute, "x")
	require.Equal(t, Fail, v.status)
	require.Equal(t, "this machine is 10m0s ahead of x", v.detail)

	server := dateServer(t)
	r := &run{Input: Input{Config: config.Default(), Now: time.Now}}
	r.Config.Ethereum.URL = "ws" + strings.TrimPrefix(server, "http") + "/v3/secret"
	ahead, err := r.compare(t.Context())
	require.NoError(t, err)
	require.Less(t, ahead.Abs(), 3*time.Second)
	r.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
	ahead, err = r.compare(t.Context())
	require.NoError(t, err)
	require.InDelta(t, -10*time.Minute, ahead, float64(3*time.Second))
	r.Config.Ethereum.URL = "/run/geth.ipc"
	_, err = r.compare(t.Context())
	require.ErrorIs(t, err, errNoHTTP)

	// With a clock that is confirmed, an old head is the endpoint's.
	r.headAt, r.head = time.Now(), chain.Header{Time: time.Now().Add(-time.Hour)}
	require.Contains(t, r.judgeHead(true).hint, "the clock is right")
	require.Contains(t, r.judgeHead(false).hint, "date -u")
}

func TestEachChainTroubleIsToldWithWhatToDo(t *testing.T) {
	c := startChain(t)
	for name, trouble := range map[string]struct {
		spoil  func(*Input)
		check  string
		status Status
		want   string
	}{
		"nobody there":    {func(in *Input) { in.Config.Ethereum.URL = "ws://127.0.0.1:1/secret" }, "endpoint", Fail, "connect"},
		"not set":         {func(in *Input) { in.Config.Ethereum.URL = "" }, "endpoint", Fail, "ethereum.url is not set"},
		"wrong chain":     {func(in *Input) { in.Config.Ethereum.ChainID = 1 }, "chain_id", Fail, "serves chain 1337, ethereum.chain_id is 1"},
		"any chain":       {func(in *Input) { in.Config.Ethereum.ChainID = 0 }, "chain_id", Warn, "accepts any"},
		"old head":        {func(in *Input) { at := in.Now().Add(time.Hour); in.Now = func() time.Time { return at } }, "head", Fail, "must not be older than 2m0s"},
		"unjudged head":   {func(in *Input) { in.Config.Ethereum.MaxHeaderAge = 0 }, "head", Pass, "not judged"},
		"no contract":     {func(in *Input) { in.Config.Ethereum.Bridge[0] ^= 1 }, "bridge", Fail, "no contract at"},
		"swapped":         {func(in *Input) { e := &in.Config.Ethereum; e.Bridge, e.Validator = e.Validator, e.Bridge }, "contracts", Fail, "redemption"},
		"one contract":    {func(in *Input) { clear(in.Config.Ethereum.Validator[:]) }, "validator", Fail, "ethereum.validator is not set"},
		"only one to ask": {func(in *Input) { clear(in.Config.Ethereum.Validator[:]) }, "contracts", Skip, "not both set"},
	} {
		t.Run(name, func(t *testing.T) {
			in := sound(t, c)
			trouble.spoil(&in)
			r := find(t, Run(t.Context(), in, Chain), trouble.check)
			require.Equal(t, trouble.status, r.Status, "%+v", r)
			require.Contains(t, r.Detail, trouble.want)
			require.NotContains(t, r.Detail, "secret")
		})
	}
}

func TestKeysThatANodeCouldNotUse(t *testing.T) {
	in := sound(t, nil)
	key := in.Config.Operator.KeyFile
	require.Equal(t, Pass, find(t, Run(t.Context(), in, Config), "operator_key").Status)

	in.Password = func() (string, error) { return "wrong", nil }
	require.Contains(t, find(t, Run(t.Context(), in, Config), "operator_key").Hint, "password_file")
	in.Password = func() (string, error) { return "", errors.New("no password") }
	require.Contains(t, find(t, Run(t.Context(), in, Config), "operator_key").Detail, "no password")
	in.Password = func() (string, error) { return "secret", nil }
	require.NoError(t, os.Chmod(key, 0o644))
	require.Equal(t, "chmod 600 the file", find(t, Run(t.Context(), in, Config), "operator_key").Hint)
	require.NoError(t, os.Remove(key))
	require.Contains(t, find(t, Run(t.Context(), in, Config), "operator_key").Hint, "keys new")

	require.NoError(t, os.WriteFile(keys.InstanceFile(in.Config.Node.DataDir), []byte("x"), 0o600))
	require.Equal(t, Fail, find(t, Run(t.Context(), in, Config), "instance_key").Status)
}

func TestAConfigurationThatCannotBeReadLeavesTheRestUntried(t *testing.T) {
	in := Input{Invalid: config.Complaints{{Key: "a.b", Why: "wrong"}, {Why: "worse"}}, Unread: true}
	results := Run(t.Context(), in, Areas()...)
	require.Len(t, results, 2+6)
	require.Equal(t, "a.b: wrong", results[0].Detail)
	require.Equal(t, Fail, results[1].Status)
	for _, r := range results[2:] {
		require.Equal(t, Skip, r.Status)
	}
	in.Invalid = os.ErrNotExist
	require.Contains(t, Run(t.Context(), in, Config)[0].Hint, "init makes one")
}

func TestTheStoreIsLookedAtWhetherOrNotANodeRuns(t *testing.T) {
	in := sound(t, nil)
	s, err := store.Open(t.Context(), store.Config{DSN: in.Config.StoreDSN()}, 5, chain.Hash{1}, quiet)
	require.NoError(t, err)
	results := Run(t.Context(), in, Store)
	require.Contains(t, find(t, results, "store").Detail, "a node runs on it")
	require.Equal(t, "chain 5", find(t, results, "chain").Detail)
	in.Config.Ethereum.ChainID = 6
	r := find(t, Run(t.Context(), in, Store), "chain")
	require.Equal(t, Fail, r.Status)
	require.Contains(t, r.Hint, "nothing was changed")
	require.NoError(t, s.Close())
	require.Contains(t, find(t, Run(t.Context(), in, Store), "store").Detail, "no node runs")

	require.NoError(t, os.WriteFile(filepath.Join(in.Config.Node.DataDir, "walletnode.db"), []byte(strings.Repeat("rubbish", 1000)), 0o600))
	r = find(t, Run(t.Context(), in, Store), "store")
	require.Equal(t, Fail, r.Status)
	require.Contains(t, r.Hint, "backup")
}

func TestADirectoryThatIsNotThereYetIsTriedAboveIt(t *testing.T) {
	in := sound(t, nil)
	in.Config.Node.DataDir = filepath.Join(in.Config.Node.DataDir, "a", "b")
	require.Contains(t, find(t, Run(t.Context(), in, Store), "directory").Detail, "made at the first start")
	require.NoDirExists(t, filepath.Dir(in.Config.Node.DataDir))
	in.Config.Node.DataDir = filepath.Join(in.Config.Operator.KeyFile, "below a file")
	require.Equal(t, Fail, find(t, Run(t.Context(), in, Store), "directory").Status)
	in.Config.Store.DSN = "mysql://h"
	require.Equal(t, "correct store.dsn", find(t, Run(t.Context(), in, Store), "directory").Hint)
}

func TestADatabaseServerIsLookedAtLikeAFile(t *testing.T) {
	in := sound(t, nil)
	in.Config.Store.DSN = pgtest.Database(t)
	require.Contains(t, find(t, Run(t.Context(), in, Store), "store").Detail, "is empty")
	s, err := store.Open(t.Context(), store.Config{DSN: in.Config.StoreDSN()}, 5, chain.Hash{1}, quiet)
	require.NoError(t, err)
	results := Run(t.Context(), in, Store)
	require.Contains(t, find(t, results, "store").Detail, "a node runs on it, process ")
	require.Equal(t, "chain 5", find(t, results, "chain").Detail)
	require.NoError(t, s.Close())
	results = Run(t.Context(), in, Store)
	require.Contains(t, find(t, results, "store").Detail, "no node runs on it")
	require.Equal(t, Pass, find(t, results, "directory").Status)

	for hint, dsn := range map[string]string{
		"user, its password":     pgtest.As(t, in.Config.Store.DSN, "postgres", "hunter2"),
		"is the database server": "postgres://u:hunter2@127.0.0.1:1/db",
	} {
		in.Config.Store.DSN = dsn
		r := find(t, Run(t.Context(), in, Store), "store")
		require.Equal(t, Fail, r.Status)
		require.Contains(t, r.Hint, hint)
		require.NotContains(t, r.Detail, "hunter2")
	}
}

func TestRoomOnTheDisk(t *testing.T) {
	require.Equal(t, Fail, judgeRoom(minFree-1, true).status)
	require.Equal(t, Warn, judgeRoom(scantFree-1, true).status)
	require.Equal(t, Pass, judgeRoom(scantFree, true).status)
	require.Equal(t, Skip, judgeRoom(0, false).status)
}

func TestBadInputPortInUseUnlessItIsOurs(t *testing.T) {
	taken, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	port := strings.TrimPrefix(taken.Addr().String(), "127.0.0.1:")
	datagram, err := stdnet.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, datagram.Close()) }()

	in := sound(t, nil)
	tcp, quic := "/ip4/127.0.0.1/tcp/"+port, "/ip4/127.0.0.1/udp/"+strings.TrimPrefix(datagram.LocalAddr().String(), "127.0.0.1:")+"/quic-v1"
	in.Config.Network.Listen = []string{tcp, quic, "/ip4/203.0.113.1/tcp/0"}
	in.Config.Metrics.Listen = taken.Addr().String()
	in.Config.API.Listen = taken.Addr().String()
	results := Run(t.Context(), in, Ports)
	for _, name := range []string{tcp, quic, "metrics " + in.Config.Metrics.Listen, "api " + in.Config.API.Listen} {
		r := find(t, results, name)
		require.Equal(t, Fail, r.Status, name)
		require.Contains(t, r.Hint, "ss -ltnup")
	}
	require.Contains(t, find(t, results, "/ip4/203.0.113.1/tcp/0").Hint, "no such address")

	s, err := store.Open(t.Context(), store.Config{DSN: in.Config.StoreDSN()}, 5, chain.Hash{1}, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	in.Config.Network.Listen = []string{tcp, "/ip4/127.0.0.1/tcp/0"}
	in.Config.API.Listen = "unix:///" + strings.Repeat("x", 103)
	results = Run(t.Context(), in, Ports)
	require.Equal(t, Pass, find(t, results, tcp).Status)
	require.Equal(t, Warn, find(t, results, "/ip4/127.0.0.1/tcp/0").Status, "a running node should have taken it")
	require.Contains(t, find(t, results, "api").Hint, "shorter path")
}

func TestPeersProveTheirOperatorsOrAreToldApart(t *testing.T) {
	c := startChain(t)
	in := sound(t, c)
	other := startPeer(t, c)
	const nobody = "/p2p/12D3KooWSHj3RRbBjD15g6wekV8y3mm57Pobmps2g2WJm6F67Lay"
	absent := "/ip4/127.0.0.1/tcp/1" + nobody
	in.Config.Network.Peers = []string{other.Addrs()[0], absent}
	in.Config.Network.AdmissionDeadline = time.Second
	results := Run(t.Context(), in, Peers)
	require.Len(t, results, 2)
	r := find(t, results, other.Addrs()[0])
	require.Equal(t, Warn, r.Status, "%+v", r)
	require.Contains(t, r.Detail, "does not know ours")
	r = find(t, results, absent)
	require.Equal(t, Fail, r.Status)
	require.Contains(t, r.Detail, "cannot be reached")

	op, err := keys.LoadOperator(in.Config.Operator.KeyFile, "secret")
	require.NoError(t, err)
	wallet, err := ethcrypto.GenerateKey()
	require.NoError(t, err)
	shared, err := chain.NewWallet(chain.PublicKey(ethcrypto.FromECDSAPub(&wallet.PublicKey)), []chain.Operator{op.Address, other.Operator()})
	require.NoError(t, err)
	_, err = other.Join(shared)
	require.NoError(t, err)
	in.Config.Network.Peers = in.Config.Network.Peers[:1]
	results = Run(t.Context(), in, Peers)
	require.Len(t, results, 1)
	require.Equal(t, Pass, results[0].Status, "%+v", results)
	require.Equal(t, "speaks for operator "+other.Operator().String(), results[0].Detail)

	s, err := store.Open(t.Context(), store.Config{DSN: in.Config.StoreDSN()}, 5, chain.Hash{1}, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	results = Run(t.Context(), in, Peers)
	require.Len(t, results, 1)
	require.Equal(t, Skip, results[0].Status)
	require.Contains(t, results[0].Detail, "walletnode peers list")
}

// startPeer runs another operator's host.
func startPeer(t testing.TB, c *localchain.Chain) *net.Host {
	t.Helper()
	op, err := ethcrypto.GenerateKey()
	require.NoError(t, err)
	instance, _, err := crypto.GenerateEd25519Key(rand.Reader)
	require.NoError(t, err)
	genesis, err := c.Header(0)
	require.NoError(t, err)
	host, err := net.New(node.Terms(net.Config{
		Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Instance: instance, Operator: secp256k1.PrivKeyFromBytes(ethcrypto.FromECDSA(op)),
	}, 1337, genesis.Hash), net.Deps{Height: c.Height, Inspect: node.Inspect, Log: quiet})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- host.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return host
}

func TestAdviceIsGivenForWhatAnOperatorCanMend(t *testing.T) {
	for _, a := range advices {
		require.Equal(t, a.todo, Advice(errors.Join(errors.New("x"), a.err)))
	}
	require.Empty(t, Advice(errors.New("x")))
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Empty(t, Run(ctx, sound(t, nil), Areas()...))
}
