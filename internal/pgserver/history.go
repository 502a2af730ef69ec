package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// What can befall a database's history: files of an earlier time come back, or a standby takes its primary's place.

func (s *Server) kept() string { return filepath.Join(s.dir, "kept") }

// Keep copies the files of a server that is down, in place of an earlier copy.
func (s *Server) Keep() error {
	if s.running() {
		return errors.New("copy the files of PostgreSQL: it runs")
	}
	return s.copy(s.data(), s.kept())
}

// Restore gives a server that is down the files back that were kept last. What it has acknowledged since is forgotten.
func (s *Server) Restore() error {
	if s.running() {
		return errors.New("bring the files of PostgreSQL back: it runs")
	}
	if _, err := os.Stat(s.kept()); err != nil {
		return fmt.Errorf("bring the files of PostgreSQL back: %w", err)
	}
	return s.copy(s.kept(), s.data())
}

// copy puts a copy of a directory in another one's place; the copy is the server user's and nobody else's.
func (s *Server) copy(from, to string) error {
	if err := errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from))); err != nil {
		return fmt.Errorf("copy the files of PostgreSQL: %w", err)
	}
	return filepath.WalkDir(to, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o600)
		if entry.IsDir() {
			mode = 0o700
		}
		return errors.Join(os.Chmod(path, mode), s.own(path))
	})
}

// Standby makes a second server that follows this one, which runs, and starts it. Like any asynchronous standby it may
// lack the newest commits when it is promoted; one that was down while they were made does.
func (s *Server) Standby() (*Server, error) {
	other, err := prepare()
	if err != nil {
		return nil, err
	}
	err = other.program("pg_basebackup", "--pgdata", other.data(), "--host", s.dir, "--username", superuser,
		"--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(other.dir))
	}
	return other.started()
}

// Await returns once a standby has applied all that its primary has committed by now.
func (s *Server) Await(primary *Server) error {
	var written string
	if err := ask(primary.URL("postgres"), `SELECT pg_current_wal_lsn()::text`, &written); err != nil {
		return fmt.Errorf("ask the primary how far it is: %w", err)
	}
	return s.until(`SELECT COALESCE(pg_last_wal_replay_lsn() >= $1::pg_lsn, FALSE)`, written)
}

// Promote makes a standby a primary, with a timeline of its own, and returns once it can be written to.
func (s *Server) Promote() error {
	if err := Execute(s.URL("postgres"), `SELECT pg_promote(FALSE)`); err != nil {
		return err
	}
	return s.until(`SELECT NOT pg_is_in_recovery()`)
}

// until asks a question again and again until its answer is yes.
func (s *Server) until(question string, args ...any) error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var yes bool
		err := ask(s.URL("postgres"), question, &yes, args...)
		if err == nil && yes {
			return nil
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return fmt.Errorf("PostgreSQL does not get there: %s: %w: %s", question, err, s.lastWords())
		}
	}
}

func ask(dsn, question string, answer any, args ...any) error {
	return connected(dsn, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, question, args...).Scan(answer)
	})
}
