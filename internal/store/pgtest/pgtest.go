// Package pgtest gives tests a PostgreSQL server of their own: it is made from the programs installed on this machine when
// the first test asks, listens on a socket in a short-lived directory, and ends with the test binary. Each test gets an
// empty database.
//
// A test binary that uses it has a TestMain that calls Run.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// requireTools is the variable that makes a test fail rather than skip where a program is not installed.
const requireTools = "WALLETNODE_REQUIRE_TOOLS"

// once guards the one server of this test binary.
var once struct {
	sync.Mutex
	asked  bool
	server *server
	err    error
	made   int // databases
}

// Run runs a binary's tests and stops the server if one was started. It returns what os.Exit is to be given.
func Run(m *testing.M) int {
	code := m.Run()
	once.Lock()
	defer once.Unlock()
	if once.server != nil {
		if err := once.server.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			return max(code, 1)
		}
	}
	return code
}

// Database makes an empty database for one test and returns its URL, of a user who may do everything in it. Where PostgreSQL is
// not installed the test is skipped, or fails if WALLETNODE_REQUIRE_TOOLS is set.
func Database(t testing.TB) string {
	t.Helper()
	s := running(t)
	once.Lock()
	once.made++
	name := fmt.Sprintf("test_%d", once.made)
	once.Unlock()
	s.administer(t, "CREATE DATABASE "+name)
	// What a failed test has left connected is no reason to keep its database.
	t.Cleanup(func() { s.administer(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return s.url(superuser, name)
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
	if err := execute(dsn, statements...); err != nil {
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

// running returns the server, which the first caller starts.
func running(t testing.TB) *server {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if !once.asked {
		once.asked = true
		once.server, once.err = start()
	}
	switch {
	case once.err == nil:
	case errors.Is(once.err, errNotInstalled) && os.Getenv(requireTools) == "":
		t.Skip(once.err)
	default:
		t.Fatal(once.err)
	}
	return once.server
}

func (s *server) administer(t testing.TB, statement string) {
	t.Helper()
	Exec(t, s.url(superuser, "postgres"), statement)
}

// executeTimeout is for statements that take some 100 ms; it ends a test that would hang.
const executeTimeout = 30 * time.Second

// execute has no test's context: what a test leaves behind is removed after that has ended.
func execute(dsn string, statements ...string) error {
	ctx, end := context.WithTimeout(context.Background(), executeTimeout)
	defer end()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to be said
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
