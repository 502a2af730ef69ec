package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// fleet is two instances of one operator, a and b, that answer over HTTP. Each says of every wallet what says tells it to.
type fleet struct {
	operator keys.Operator
	token    string
	servers  map[string]*httptest.Server
	feeds    map[string]*api.Feed

	mu     sync.Mutex
	says   map[string]view.Owner // who serves a wallet, as each instance says
	wishes map[string]shared.Desire
	bans   []view.Ban
	halts  []view.Halt
	stale  bool
}

// member is one instance of a fleet.
type member struct {
	*fleet
	id string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	operator, err := keys.CreateOperator(filepath.Join(t.TempDir(), "operator.json"), "secret", keys.Light)
	require.NoError(t, err)
	f := &fleet{
		operator: operator, token: strings.Repeat("word", 8), servers: map[string]*httptest.Server{}, feeds: map[string]*api.Feed{},
		says: map[string]view.Owner{}, wishes: map[string]shared.Desire{},
	}
	recorded := newRunning(t)
	recorded.importWallet(t)
	for _, id := range []string{"a", "b"} {
		f.feeds[id] = new(api.Feed)
		server := f.server(id, recorded)
		server.Guard = api.Guard{Token: f.token}
		f.servers[id] = httptest.NewServer(server.Handler())
		t.Cleanup(f.servers[id].Close)
	}
	f.serves("a", 7)
	return f
}

func (f *fleet) server(id string, recorded running) *api.Server {
	return &api.Server{
		Records: view.Records{Store: recorded.store.Reader}, Cluster: member{f, id}, Feed: f.feeds[id], Logger: slog.New(slog.DiscardHandler),
	}
}

// serves has both instances say that one of them serves every wallet.
func (f *fleet) serves(id string, epoch uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, who := range []string{"a", "b"} {
		f.says[who] = view.Owner{Owner: id, URLs: []string{f.servers[id].URL}, Epoch: epoch}
	}
}

// configured writes a configuration of a machine on which no node runs, and that knows these URLs.
func (f *fleet) configured(t *testing.T, urls ...string) (path string) {
	t.Helper()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(token, []byte(f.token+"\n"), 0o600))
	bootstrap, err := json.Marshal(urls)
	require.NoError(t, err)
	path = filepath.Join(dir, "config.toml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "[node]\ndata_dir = %q\n[api]\ntoken_file = %q\n[cluster]\nbootstrap = %s\n", dir, token, bootstrap), 0o600))
	return path
}

func (m member) Instances() view.Instances {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := view.Instances{Self: m.id, Shared: true, Generation: "1", At: "now", AgeMS: 100, Instances: []view.Instance{}}
	if m.stale {
		list.Stale, list.AgeMS, list.Unowned = true, 65_000, 2
	}
	for _, id := range []string{"a", "b"} {
		list.Instances = append(list.Instances, view.Instance{
			ID: id, Boot: "00ff", State: view.InstanceIll, URLs: []string{m.servers[id].URL}, Version: "v1", Detail: "no peers\x1b[2J", Wish: string(m.wishes[id]),
			LeaseMS: 8400, AgeS: 7200, Barred: 900, Wallets: []chain.WalletID{{1}}, Self: id == m.id,
		})
	}
	return list
}

func (m member) Directory() (client.Directory, error) {
	d := client.Directory{Operator: m.operator.Address, Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
	for _, id := range []string{"a", "b"} {
		d.Instances = append(d.Instances, client.Entry{ID: id, URLs: []string{m.servers[id].URL}})
	}
	return d, d.Sign(m.operator.Key)
}

func (m member) Owner(wallet chain.WalletID) (view.Owner, bool, time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	owner := m.says[m.id]
	owner.Wallet = wallet
	return owner, owner.Owner == m.id, time.Second, nil
}

func (m member) Wish(_ context.Context, instance string, d shared.Desire) (removed bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if instance == "dead" {
		return d == shared.Resign, nil
	}
	if m.servers[instance] == nil {
		return false, fmt.Errorf("%w: no instance %q", store.ErrNotFound, instance)
	}
	m.wishes[instance] = d
	return false, nil
}

func (m member) Bans(context.Context) (view.Bans, time.Duration, error) {
	return view.Bans{Bans: append([]view.Ban{}, m.bans...)}, m.away(), nil
}

// away is how long ago the database answered last; 0 while it answers.
func (m member) away() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stale {
		return 65 * time.Second
	}
	return 0
}

func (m member) AddBan(_ context.Context, b shared.Ban, lasts time.Duration) (view.Ban, error) {
	ban := view.Ban{Reason: b.Reason, By: b.By, Since: "2027-01-01T00:00:00Z"}
	if b.Peer != "" {
		ban.Peer = b.Peer.String()
	} else {
		ban.Operator = b.Operator.String()
	}
	if lasts > 0 {
		until := "after " + lasts.String()
		ban.Until = &until
	}
	m.bans = append(m.bans, ban)
	return ban, nil
}

func (m member) RemoveBan(_ context.Context, b shared.Ban) error {
	for i, have := range m.bans {
		if have.Operator+have.Peer == b.Subject() {
			m.bans = append(m.bans[:i], m.bans[i+1:]...)
			return nil
		}
	}
	return fmt.Errorf("%w: %s", shared.ErrNotBanned, b.Subject())
}

func (m member) Halts(context.Context) (view.Halts, time.Duration, error) {
	return view.Halts{Halts: append([]view.Halt{}, m.halts...)}, m.away(), nil
}

func (m member) Resume(_ context.Context, wallet chain.WalletID) error {
	if len(m.halts) == 0 {
		return fmt.Errorf("%w: %v", shared.ErrNotHalted, wallet)
	}
	m.halts = nil
	return nil
}

// here runs instance a's API at the socket of a data directory, as its node would, and returns the directory.
func (f *fleet) here(t *testing.T) (dir string) {
	t.Helper()
	recorded := newRunning(t)
	recorded.importWallet(t)
	serveAPI(t, recorded.dir, f.server("a", recorded))
	return recorded.dir
}

func TestInstancesAreListedShownAndAskedForThings(t *testing.T) {
	f := newFleet(t)
	dir := f.here(t)
	text := succeed(t, "", "instances", "list", "--data-dir", dir)
	require.Regexp(t, `^INSTANCE +STATE +WALLETS +LEASE +VERSION +WISH +URLS +DETAIL\na \* +ill +1 +8.4s +v1 +- +http://127\S+ +no peers`, text)
	require.NotContains(t, text, "\x1b", "what an instance tells is shown as text")
	var list view.Instances
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "instances", "list", "--json", "--data-dir", dir)), &list))
	require.Len(t, list.Instances, 2)

	for does, want := range map[string]string{"drain": "gives its wallets to the others", "resign": "and ends", "undrain": "may have wallets again"} {
		require.Contains(t, succeed(t, "", "instances", does, "b", "--data-dir", dir), want)
	}
	require.Equal(t, "dead was dead and is removed\n", succeed(t, "", "instances", "resign", "dead", "--data-dir", dir))
	require.Contains(t, succeed(t, "", "instances", "resign", "dead", "--json", "--data-dir", dir), `"removed": true`)
	succeed(t, "", "instances", "drain", "b", "--json", "--data-dir", dir)
	text = succeed(t, "", "instances", "show", "b", "--data-dir", dir)
	require.Contains(t, text, "instance b\n  state    ill\n")
	require.Contains(t, text, "wish     drain")
	require.Contains(t, text, "barred   through window 900")
	require.Contains(t, text, chain.WalletID{1}.String())
	for _, does := range []string{"show", "drain"} {
		got := call(t, "", "instances", does, "c", "--data-dir", dir)
		require.Equal(t, codeNotFound, got.code)
		require.Contains(t, got.stderr, "walletnode instances list shows what there is")
	}

	f.stale = true
	got := call(t, "", "instances", "list", "--data-dir", dir)
	require.Zero(t, got.code)
	require.Contains(t, got.stderr, "this was so 1m5s ago; the database does not answer")
	require.Contains(t, got.stderr, "wallets that nobody serves: 2")
}

// What is known is shown while the database is away, with a word beside it that says how old it is.
func TestListsAreShownAndMarkedWhileTheDatabaseIsAway(t *testing.T) {
	f := newFleet(t)
	dir := f.here(t)
	f.bans = []view.Ban{{Operator: theirs, Reason: "lies"}}
	require.NotContains(t, call(t, "", "bans", "list", "--data-dir", dir).stderr, "does not answer")
	f.stale = true
	for _, args := range [][]string{{"bans", "list"}, {"wallets", "halted"}} {
		got := call(t, "", append(args, "--data-dir", dir)...)
		require.Zero(t, got.code, got.stderr)
		require.Contains(t, got.stderr, "walletnode: as of 1m5s ago: the database does not answer\n")
	}
	require.Contains(t, call(t, "", "bans", "list", "--json", "--data-dir", dir).stdout, theirs)
}

func TestBansAreAddedListedAndLifted(t *testing.T) {
	f := newFleet(t)
	dir := f.here(t)
	const peer = "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"
	require.Contains(t, succeed(t, "", "bans", "add", theirs, "--reason", "lies", "--until", "90m", "--data-dir", dir), "after 1h30m0s")
	require.Contains(t, succeed(t, "", "bans", "add", peer, "--data-dir", dir), "until lifted")
	text := succeed(t, "", "bans", "list", "--data-dir", dir)
	require.Regexp(t, `BANNED +SINCE +UNTIL +BY +REASON\n`+theirs+` .* operator +lies\n`+peer, text)
	var left view.Bans
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "bans", "remove", peer, "--json", "--data-dir", dir)), &left))
	require.Len(t, left.Bans, 1)

	got := call(t, "", "bans", "remove", peer, "--data-dir", dir)
	require.Equal(t, codeNotFound, got.code)
	require.Contains(t, got.stderr, "walletnode bans list shows who is")
	for want, args := range map[string][]string{
		"operator address":       {"add", "0x12"},
		"is over":                {"add", theirs, "--until", "2020-01-01T00:00:00Z"},
		"want a duration like":   {"add", theirs, "--until", "soon"},
		"want more than nothing": {"add", theirs, "--until", "-1h"},
		"at most 200 bytes":      {"add", theirs, "--reason", strings.Repeat("x", 201)},
		"needs ADDRESS|PEER-ID":  {"add"},
		"nor a peer ID":          {"remove", "nobody"},
		`"xyz" is neither an`:    {"add", "xyz"},
	} {
		got := call(t, "", append([]string{"bans", "--data-dir", dir}, args...)...)
		require.Equal(t, codeUsage, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, want)
	}
	require.Len(t, f.bans, 1)
}

func TestWalletsTellWhoServesThem(t *testing.T) {
	f := newFleet(t)
	dir := f.here(t)
	require.Regexp(t, `WALLET +SEATS +OPERATORS +STATE +OWNER +EPOCH +IMPORTED +SIGNER +UNSIGNABLE\n`+walletID+` +3 +2 +active +a +7 `, succeed(t, "", "wallets", "list", "--data-dir", dir))
	require.Contains(t, succeed(t, "", "wallets", "show", walletID, "--data-dir", dir), "owner     a, epoch 7")
	text := succeed(t, "", "wallets", "serving", walletID, "--data-dir", dir)
	require.Contains(t, text, "owner   a\n  epoch   7\n")
	f.says["a"] = view.Owner{Owner: "b", URLs: []string{"https://b"}, Epoch: 8}
	require.Contains(t, succeed(t, "", "wallets", "serving", walletID, "--data-dir", dir), "owner   b\n  epoch   8\n  urls    https://b", "as this node says")
	f.says["a"] = view.Owner{Epoch: 8}
	got := call(t, "", "wallets", "serving", walletID, "--data-dir", dir)
	require.Equal(t, codeNotReady, got.code)
	require.Contains(t, got.stderr, "no instance serves the wallet at this moment")
	require.Equal(t, codeUsage, call(t, "", "wallets", "serving", "x", "--data-dir", dir).code)

	id, err := chain.ParseWalletID(walletID)
	require.NoError(t, err)
	f.halts = []view.Halt{{Wallet: id, Window: 900, Reason: "somebody \x1b[2J spoke", By: "b", Since: "now"}}
	text = succeed(t, "", "wallets", "halted", "--data-dir", dir)
	require.Regexp(t, walletID+` +900 +now +b +somebody`, text)
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, succeed(t, "", "wallets", "resume", walletID, "--data-dir", dir), walletID)
	require.Equal(t, codeNotFound, call(t, "", "wallets", "resume", walletID, "--data-dir", dir).code)
}

// On a machine without a node commands ask whichever instance answers; what concerns one node alone does not go to another.
func TestCommandsReachAnyInstance(t *testing.T) {
	f := newFleet(t)
	path := f.configured(t, "http://127.0.0.1:1", f.servers["b"].URL)
	for _, args := range [][]string{{"instances", "list"}, {"wallets", "list"}, {"windows", "list"}, {"bans", "list"}} {
		got := call(t, "", append(args, "-c", path)...)
		require.Zero(t, got.code, got.stderr)
		require.Contains(t, got.stderr, "asking another instance (cluster.bootstrap)")
	}
	for _, args := range [][]string{{"endpoints", "cordon", "x"}, {"endpoints", "reload"}, {"debug", "log-level", "debug"}} {
		require.Equal(t, codeUnreachable, call(t, "", append(args, "-c", path)...).code, args)
	}
	require.Equal(t, codeUnreachable, call(t, "", "instances", "list", "--api", "127.0.0.1:1", "-c", path).code, "who names a node means that one")
	require.Equal(t, codeUsage, call(t, "", "instances", "list", "--offline", "-c", path).code)
}

func TestBadInputInstancesThatCannotBeReached(t *testing.T) {
	f := newFleet(t)
	path := f.configured(t, "http://127.0.0.1:1")
	got := call(t, "", "wallets", "serving", walletID, "-c", path)
	require.Equal(t, codeUnreachable, got.code)
	require.Contains(t, got.stderr, "no instance answers")
	require.Contains(t, got.stderr, "what to do: see that an instance runs and that cluster.bootstrap names it")

	f.token = strings.Repeat("else", 8)
	got = call(t, "", "instances", "list", "-c", f.configured(t, f.servers["a"].URL))
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "all instances have the same")
	require.NotContains(t, got.stderr, f.token)
}

func TestAWalletsInstanceIsFoundFromAnyOther(t *testing.T) {
	f := newFleet(t)
	path := f.configured(t, f.servers["a"].URL)
	f.serves("b", 8)
	require.Contains(t, succeed(t, "", "wallets", "serving", walletID, "-c", path), "owner   b\n  epoch   8\n")
}

func TestBadInputARedirectLoop(t *testing.T) {
	f := newFleet(t)
	path := f.configured(t, f.servers["a"].URL)
	f.says["a"] = view.Owner{Owner: "b", URLs: []string{f.servers["b"].URL}, Epoch: 8}
	f.says["b"] = view.Owner{Owner: "a", URLs: []string{f.servers["a"].URL}, Epoch: 8}
	got := call(t, "", "wallets", "serving", walletID, "-c", path)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "redirected in circles")
	require.Contains(t, got.stderr, "what to do: the instances do not agree on who serves the wallet")
}

func TestBadInputAForgedRedirect(t *testing.T) {
	f := newFleet(t)
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a foreign host was asked") }))
	defer foreign.Close()
	f.says["a"] = view.Owner{Owner: "b", URLs: []string{foreign.URL}, Epoch: 8}
	got := call(t, "", "wallets", "serving", walletID, "-c", f.configured(t, f.servers["a"].URL))
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "redirected to a host that the operator's signed list of instances does not have")
	require.Contains(t, got.stderr, "one of the instances asked is in wrong hands")
}

// The list must be signed with the key of the configuration, not with any.
func TestBadInputAnotherOperatorsInstances(t *testing.T) {
	f := newFleet(t)
	f.serves("b", 8)
	path := f.configured(t, f.servers["a"].URL)
	key := filepath.Join(filepath.Dir(path), "operator.json")
	_, err := keys.CreateOperator(key, "secret", keys.Light)
	require.NoError(t, err)
	t.Setenv(config.Variable("operator.key_file"), key)
	got := call(t, "", "wallets", "serving", walletID, "-c", path)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "list of instances of another operator")
}

// The account goes on through the other instance when the one that told it dies.
func TestAWatcherOutlivesItsInstance(t *testing.T) {
	f := newFleet(t)
	path := f.configured(t, f.servers["a"].URL, f.servers["b"].URL)
	var out written
	ended := make(chan int, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		app := newApp(strings.NewReader(""), &out, &out)
		ended <- exitCode(app.RunContext(ctx, []string{"walletnode", "--config", path, "windows", "watch"}))
	}()
	tell := func(window chain.Height) bool { // whoever listens now hears it
		for _, feed := range f.feeds {
			feed.Publish(view.Event{Event: view.EventOpened, Time: "now", Window: &window, OpenedAt: &window, Faults: []view.EventFault{}})
		}
		return strings.Contains(out.String(), fmt.Sprintf("window %d: opened", window))
	}
	require.Eventually(t, func() bool { return tell(900) }, 3*time.Minute, 20*time.Millisecond)
	f.servers["a"].CloseClientConnections() // the watcher is at one of the two
	f.servers["b"].CloseClientConnections()
	f.servers["a"].Listener.Close() // it is closed once more
	require.Eventually(t, func() bool { return tell(1800) }, 3*time.Minute, 20*time.Millisecond)
	require.Contains(t, out.String(), "another instance goes on (nothing was heard since ")
	stop()
	require.Zero(t, <-ended)
}

func TestFlagsOfStartStandForTheConfigurationsKeys(t *testing.T) {
	in := install(t, "ws://127.0.0.1:1", "0x1111111111111111111111111111111111111111", "0x1111111111111111111111111111111111111111")
	got := call(t, "", "start", "-c", in.config, "--instance-id", "A B", "--cluster-url", "https://a", "--cluster-url", "nowhere", "--standby")
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, `--instance-id: cluster.instance_id: instance id "A B": want 1 to 63`)
	require.Contains(t, got.stderr, `--cluster-url: cluster.urls: "nowhere": want the URL of an instance's API`)
	require.Contains(t, got.stderr, "--standby: cluster.standby: needs a database that instances share")
}
