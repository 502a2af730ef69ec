// Package pgtest gives tests a PostgreSQL server of their own: it is made (package pgserver) when the first test asks, and
// ends with the test binary. Each test gets an empty database.
//
// A test binary that uses it has a TestMain that calls Run.
package pgtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/walletnode/walletnode/internal/pgserver"
)

// requireTools is the variable that makes a test fail rather than skip where a program is not installed.
const requireTools = "WALLETNODE_REQUIRE_TOOLS"

// once guards the one server of this test binary.
var once struct {
	sync.Mutex
	asked  bool
	server *pgserver.Server
	err    error
	made   int      // databases
	free   []string // databases that are empty again
}

// Run runs a binary's tests and stops the server if one was started. It returns what os.Exit is to be given.
func Run(m *testing.M) int {
	code := m.Run()
	once.Lock()
	defer once.Unlock()
	if once.server != nil {
		if err := once.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			return max(code, 1)
		}
	}
	return code
}

// Database gives one test an empty database and returns its URL, of a user who may do everything in it. Where PostgreSQL is
// not installed the test is skipped, or fails if WALLETNODE_REQUIRE_TOOLS is set. It may be one that an earlier test had,
// whose tables are gone: to make a database takes many times as long.
func Database(t testing.TB) string {
	t.Helper()
	s := running(t)
	name, used := reserve()
	if !used {
		Exec(t, s.URL("postgres"), "CREATE DATABASE "+name)
	}
	t.Cleanup(func() {
		if t.Failed() { // it may have left anything
			Exec(t, s.URL("postgres"), "DROP DATABASE "+name+" WITH (FORCE)")
			return
		}
		empty(t, s, name)
		once.Lock()
		defer once.Unlock()
		once.free = append(once.free, name)
	})
	return s.URL(name)
}

// reserve returns the name of a database that nobody else has, and whether it is there already.
func reserve() (name string, used bool) {
	once.Lock()
	defer once.Unlock()
	if last := len(once.free) - 1; last >= 0 {
		name, once.free = once.free[last], once.free[:last]
		return name, true
	}
	once.made++
	return fmt.Sprintf("test_%d", once.made), false
}

// empty makes a database as it was when it was made. Settings go first, for with some of them nothing could be changed, and so
// do the connections of processes that were killed, whose last statement may be under way.
func empty(t testing.TB, s *pgserver.Server, name string) {
	t.Helper()
	Exec(t, s.URL("postgres"), "ALTER DATABASE "+name+" RESET ALL",
		"SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE datname = '"+name+"'")
	Exec(t, s.URL(name), "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC")
}

// Durable makes a database as Database does, in a server that waits for its disk until the benchmark ends, as one of an
// operator does.
func Durable(b *testing.B) string {
	b.Helper()
	dsn := Database(b)
	durable := func(on string) {
		Exec(b, dsn, "ALTER SYSTEM SET fsync = "+on, "ALTER SYSTEM SET full_page_writes = "+on, "SELECT pg_reload_conf()")
	}
	durable("on")
	b.Cleanup(func() { durable("off") })
	return dsn
}

// Exec runs statements, as the superuser, in the database of a URL that Database returned.
func Exec(t testing.TB, dsn string, statements ...string) {
	t.Helper()
	if err := pgserver.Execute(dsn, statements...); err != nil {
		t.Fatal(err)
	}
}

// As returns the URL of the same database for another user, or with another password.
func As(t testing.TB, dsn, user, password string) string {
	t.Helper()
	parsed, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	parsed.User = url.UserPassword(user, password)
	return parsed.String()
}

// Server makes a server for one test alone, which may end it, restore it or promote its standby. It is skipped, or fails,
// as Database is.
func Server(t testing.TB) *pgserver.Server {
	t.Helper()
	return Own(t, pgserver.New)
}

// Own makes a server in some way, such as pgserver.New or a server's Standby, and closes it when the test ends.
func Own(t testing.TB, make func() (*pgserver.Server, error)) *pgserver.Server {
	t.Helper()
	s, err := make()
	require(t, err)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error("stop PostgreSQL:", err)
		}
	})
	return s
}

// running returns the server that tests share, which the first caller starts.
func running(t testing.TB) *pgserver.Server {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if !once.asked {
		once.asked = true
		once.server, once.err = pgserver.New()
	}
	require(t, once.err)
	return once.server
}

// require ends the test unless there is a server.
func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, pgserver.ErrNotInstalled) && os.Getenv(requireTools) == "":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}
