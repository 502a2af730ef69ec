// Package pgserver runs throw-away PostgreSQL servers from the programs installed on this machine: for tests, and for
// networks that last as long as one command. A server listens on a socket in a short-lived directory alone, waits for no disk, and
// ends with the process that started it. It can be ended and started again, be given files of an earlier time, and be
// followed by a standby that takes its place.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser may do everything on a server.
const superuser = "postgres"

const (
	password = "secret"
	// startTimeout is many times what a start takes on a busy machine: some 2 s.
	startTimeout = time.Minute
	// stopTimeout is for a server that was told to drop its connections and end.
	stopTimeout = 20 * time.Second
	// executeTimeout is for statements that take some 100 ms; it ends what would hang.
	executeTimeout = 30 * time.Second
)

// hasty are settings of a server that waits for no disk: what a crash of the machine would lose is of no interest. They
// stand in the file, so that they can be changed.
const hasty = "\nfsync = off\nfull_page_writes = off\n"

// Server is a PostgreSQL server with files of its own. Its methods are called from one goroutine at a time.
type Server struct {
	bin   string              // where the programs are
	as    *syscall.Credential // whom they run as; nil if that is us
	dir   string              // holds all it writes; its own user owns it
	ended chan struct{}       // closed when the process has ended; nil before the first start
	pid   int
}

// New makes the files of an empty server and starts it. ErrNotInstalled if there are no programs for it.
func New() (*Server, error) {
	s, err := prepare()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.initialize(), s.configure()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s.started()
}

// prepare finds the programs and makes an empty directory.
func prepare() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Not below the directory for temporary files: the path of a socket may have 107 bytes, and that directory's may
	// be long, or closed to the server's user.
	dir, err := os.MkdirTemp("/tmp", "wnpg")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, as: as, dir: dir}
	if err := s.own(dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// own gives a path to the server's user.
func (s *Server) own(path string) error {
	if s.as == nil {
		return nil
	}
	return os.Chown(path, int(s.as.Uid), int(s.as.Gid))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) initialize() error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if err := s.own(secret); err != nil {
		return err
	}
	return s.program("initdb", "--pgdata", s.data(), "--username", superuser,
		"--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
}

// program runs one of the server's programs to its end.
func (s *Server) program(name string, args ...string) error {
	ctx, end := context.WithTimeout(context.Background(), startTimeout)
	defer end()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...) //nolint:gosec // an installed program
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func (s *Server) configure() error {
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(hasty)
	return errors.Join(err, file.Close())
}

// started starts a server whose files were made just now; one that does not start leaves nothing behind.
func (s *Server) started() (*Server, error) {
	if err := s.Up(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Up starts a server that is down, and returns once it answers.
func (s *Server) Up() error {
	if s.running() {
		return errors.New("start PostgreSQL: it runs already")
	}
	if err := s.launch(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := s.awaitAnswer(); err != nil {
		return errors.Join(err, s.Down())
	}
	return nil
}

func (s *Server) running() bool {
	if s.ended == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

func (s *Server) launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()                                                                            //nolint:errcheck // the server has its own descriptor
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir, "-h", "", //nolint:gosec,noctx // an installed program, ended by Down
		"-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "jit=off")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		err := startTied(cmd, s.as)
		started <- err
		if err == nil {
			_ = cmd.Wait() // how a server ends that is told to is of no interest; one that ends by itself leaves its log
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.pid, s.ended = cmd.Process.Pid, ended
	return nil
}

// awaitAnswer waits until the server takes connections: it says so nowhere but by answering.
func (s *Server) awaitAnswer() error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := Execute(s.URL("postgres"))
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-s.ended:
			return fmt.Errorf("PostgreSQL ended: %s", s.lastWords())
		case <-deadline.C:
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, s.lastWords())
		}
	}
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *Server) lastWords() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}

// URL names a database of the server, for the superuser. It stays the same when the server is down and up again.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password), Path: "/" + database,
		RawQuery: url.Values{"host": {s.dir}}.Encode(),
	}
	return u.String()
}

// Socket returns the path of the socket that the server listens on.
func (s *Server) Socket() string { return filepath.Join(s.dir, ".s.PGSQL.5432") }

// Down ends the server in good order, by its process's number: connections are dropped, and all is written. A server that is
// down stays so.
func (s *Server) Down() error { return s.end(syscall.SIGINT) }

// Crash ends the server as a crash of its process does: what was not committed is lost, and the next start recovers the rest.
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

func (s *Server) end(how syscall.Signal) error {
	if !s.running() {
		return nil // its number may be another process's by now
	}
	err := syscall.Kill(s.pid, how)
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		err = errors.Join(err, errors.New("PostgreSQL did not end in time"), syscall.Kill(s.pid, syscall.SIGQUIT))
		<-s.ended
	}
	return err
}

// Close ends the server and removes its files.
func (s *Server) Close() error {
	return errors.Join(s.Down(), os.RemoveAll(s.dir))
}

// Execute runs statements, one after the other, in the database of a URL.
func Execute(dsn string, statements ...string) error {
	return connected(dsn, func(ctx context.Context, conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// connected does something on a connection of its own, for executeTimeout at most.
func connected(dsn string, do func(ctx context.Context, conn *pgx.Conn) error) error {
	ctx, end := context.WithTimeout(context.Background(), executeTimeout)
	defer end()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to be said
	return do(ctx, conn)
}
