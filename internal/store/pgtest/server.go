package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	superuser = "postgres"
	password  = "secret"
	// startTimeout is many times what a start takes on a busy machine: some 2 s.
	startTimeout = time.Minute
	// stopTimeout is for a server that was told to drop its connections and end.
	stopTimeout = 20 * time.Second
)

var errNotInstalled = errors.New("PostgreSQL is not installed: no initdb in PATH nor in /usr/lib/postgresql/*/bin (Debian package postgresql)")

// server is a running PostgreSQL.
type server struct {
	dir   string        // holds all it writes; its own user owns it
	ended chan struct{} // closed when it has ended
	pid   int
}

// programs finds the directory of initdb and postgres: of several versions the newest.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return "", errNotInstalled
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
		found = []string{path}
	}
	return filepath.Dir(found[0]), nil
}

// version reads the number in /usr/lib/postgresql/15/bin/initdb; 0 if it is none.
func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// unprivileged returns the account a server runs as, because it refuses root; nil if that is who we are.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"nobody", "postgres"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no account nobody or postgres")
}

// start makes a server's files and starts it.
func start() (_ *server, err error) {
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
	s := &server{dir: dir, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := s.initialize(bin, as); err != nil {
		return nil, err
	}
	if err := s.launch(bin, as); err != nil {
		return nil, err
	}
	if err := s.awaitAnswer(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) initialize(bin string, as *syscall.Credential) error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if as != nil {
		for _, path := range []string{s.dir, secret} {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return err
			}
		}
	}
	ctx, end := context.WithTimeout(context.Background(), startTimeout)
	defer end()
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", filepath.Join(s.dir, "data"), "--username", superuser, //nolint:gosec // an installed program
		"--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initdb.Dir = s.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s.configure()
}

func (s *server) configure() error {
	file, err := os.OpenFile(filepath.Join(s.dir, "data", "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(hasty)
	return errors.Join(err, file.Close())
}

// hasty are settings of a server that waits for no disk: what a crash of the machine would lose is of no interest. They
// stand in the file, so that they can be changed.
const hasty = "\nfsync = off\nfull_page_writes = off\n"

// launch starts the server.
func (s *server) launch(bin string, as *syscall.Credential) error {
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()                                                                                              //nolint:errcheck // the server has its own descriptor
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-h", "", //nolint:gosec,noctx // an installed program, ended by stop
		"-c", "max_connections=200", "-c", "shared_buffers=32MB", "-c", "jit=off")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	started := make(chan error)
	go func() {
		err := startTied(cmd, as)
		started <- err
		if err == nil {
			_ = cmd.Wait() // how a server ends that is told to is of no interest; one that ends by itself leaves its log
		}
		close(s.ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.pid = cmd.Process.Pid
	return nil
}

// awaitAnswer waits until the server takes connections: it says so nowhere but by answering.
func (s *server) awaitAnswer() error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := execute(s.url(superuser, "postgres"))
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

func (s *server) lastWords() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-2000):]))
}

// url names a database of the server.
func (s *server) url(name, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(name, password), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// stop ends the server, by its process's number, and removes its files.
func (s *server) stop() error {
	select {
	case <-s.ended: // by itself: its number may be another process's by now
		return os.RemoveAll(s.dir)
	default:
	}
	err := syscall.Kill(s.pid, syscall.SIGINT) // connections are dropped
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		err = errors.Join(err, errors.New("PostgreSQL did not end in time"), syscall.Kill(s.pid, syscall.SIGQUIT))
		<-s.ended
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
