package main

import (
	stdnet "net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/view"
)

// instance is the environment of one of many instances on a database, with leases as short as they may be.
func instance(dsn, id string) []string {
	variables := map[string]string{
		"store.dsn": dsn, "cluster.instance_id": id, "cluster.lease_ttl": "4s", "cluster.lease_renewal": "1s", "cluster.lease_margin": "500ms",
	}
	var environment []string
	for key, value := range variables {
		environment = append(environment, config.Variable(key)+"="+value)
	}
	return environment
}

// Two processes under one name would take each other's wallets. The second one ends and says why; the first goes on, until it
// is asked to resign.
func TestBadInputTwoInstancesWithOneName(t *testing.T) {
	dsn := pgtest.Database(t)
	t.Setenv(config.Variable("store.dsn"), dsn) // for the commands of this process
	miner := minedChain(t, localchain.Config{BlockTime: 200 * time.Millisecond})
	first := startOn(t, miner, install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex()), instance(dsn, "a")...)
	state := func() string {
		got := call(t, "", "instances", "show", "a", "-c", first.config)
		_, after, _ := strings.Cut(got.stdout, "state    ")
		word, _, _ := strings.Cut(after, "\n")
		return word
	}
	require.Eventually(t, func() bool { word := state(); return word != "" && word != view.InstanceDead }, 3*time.Minute, 100*time.Millisecond)

	second := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	got := runProcess(t, append(instance(dsn, "a"), config.Variable("operator.key_file")+"="+first.key), "start", "-c", second.config)
	require.Equal(t, codeInUse, got.code, got.stderr)
	require.Contains(t, got.stderr, "another process runs under this name")
	require.NotEqual(t, view.InstanceDead, state(), "the first is as it was")

	require.Contains(t, succeed(t, "", "instances", "resign", "a", "-c", first.config), "gives its wallets to the others and ends")
	require.NoError(t, first.Wait(), "%s", first.stderr)
}

// What is wrong with a database is told at the start, with what to do, and without its password.
func TestBadInputDatabasesThatCannotBeUsed(t *testing.T) {
	dsn := pgtest.Database(t)
	miner := mine(t)
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	silent, err := stdnet.Listen("tcp", "127.0.0.1:0") // the system takes the connections, and nobody answers
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	name := func(dsn string) string {
		parsed, err := url.Parse(dsn)
		require.NoError(t, err)
		return strings.TrimPrefix(parsed.Path, "/")
	}
	newer, readOnly := pgtest.Database(t), pgtest.Database(t)
	t.Setenv(config.Variable("store.dsn"), newer)
	succeed(t, manifest, "wallets", "import", "-", "-c", in.config)
	pgtest.Exec(t, newer, `INSERT INTO walletnode_schema (version_id, is_applied) VALUES (99, TRUE)`, `UPDATE meta SET value = '99' WHERE name = 'works_beside'`)
	pgtest.Exec(t, readOnly, "ALTER DATABASE "+name(readOnly)+" SET default_transaction_read_only = on")
	for what, bad := range map[string]struct{ dsn, says, todo string }{
		"a wrong password":   {pgtest.As(t, dsn, "postgres", "hunter2"), "refused by the database", "check the user, its password"},
		"a read-only one":    {readOnly, "cannot be written", "name the primary and not a standby"},
		"a newer schema":     {newer, "written by a newer version", "run the newer version of walletnode"},
		"one without answer": {"postgres://u:hunter2@" + silent.Addr().String() + "/db?connect_timeout=1&sslmode=disable", "no answer from the database", "pg_stat_activity"},
		"one that is down":   {"postgres://u:hunter2@127.0.0.1:1/db", "database cannot be reached", "is the database server up"},
	} {
		t.Run(what, func(t *testing.T) {
			got := runProcess(t, instance(bad.dsn, "a"), "start", "-c", in.config)
			require.Equal(t, codeFailure, got.code, got.stderr)
			require.Contains(t, got.stderr, bad.says)
			require.Contains(t, got.stderr, bad.todo)
			require.NotContains(t, got.stderr, "hunter2")
		})
	}
}

// An instance that is stopped gives its wallets back at once: its siblings need not wait for the end of its lease.
func TestAnInstanceThatStopsGivesItsWalletsToTheNext(t *testing.T) {
	dsn := pgtest.Database(t)
	t.Setenv(config.Variable("store.dsn"), dsn)
	miner := minedChain(t, localchain.Config{BlockTime: 200 * time.Millisecond})
	a := startOn(t, miner, install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex()), instance(dsn, "a")...)
	serves := func(p process, id string) func() bool {
		return func() bool {
			return strings.Contains(call(t, "", "wallets", "serving", a.wallet, "-c", p.config).stdout, "owner   "+id+"\n")
		}
	}
	require.Eventually(t, serves(a, "a"), time.Minute, 100*time.Millisecond)
	other := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	other.key = a.key
	b := startSibling(t, miner, other, append(instance(dsn, "b"), config.Variable("operator.key_file")+"="+a.key)...)
	require.Eventually(t, serves(b, "a"), time.Minute, 100*time.Millisecond, "the second knows who serves it")

	require.NoError(t, a.Process.Signal(syscall.SIGTERM))
	require.NoError(t, a.Wait(), "%s", a.stderr)
	require.Eventually(t, serves(b, "b"), time.Minute, 100*time.Millisecond)
	require.NoError(t, b.Process.Signal(syscall.SIGTERM))
	require.NoError(t, b.Wait(), "%s", b.stderr)
}
