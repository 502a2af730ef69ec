// Package systemd tells the service manager how a service fares, as sd_notify(3) describes: that it is ready, what it
// does, that it is alive, that it stops. Outside of systemd it does nothing.
package systemd

import (
	"errors"
	"fmt"
	stdnet "net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Notifier sends notifications. The zero value belongs to a service that systemd has not started: it sends nothing.
type Notifier struct {
	conn     *stdnet.UnixConn
	watchdog time.Duration
}

// FromEnvironment returns the notifier of this process. NOTIFY_SOCKET names the socket; WATCHDOG_USEC is the time, in
// microseconds, after which systemd gives up a service that gave no sign of life, if WATCHDOG_PID is this process.
func FromEnvironment(getenv func(string) string) (Notifier, error) {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return Notifier{}, nil
	}
	watchdog, err := readWatchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"))
	if err != nil {
		return Notifier{}, err
	}
	// A leading @ is an abstract socket, for systemd as for Go.
	conn, err := stdnet.DialUnix("unixgram", nil, &stdnet.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return Notifier{}, fmt.Errorf("connect to NOTIFY_SOCKET: %w", err)
	}
	return Notifier{conn, watchdog}, nil
}

func readWatchdog(usec, pid string) (time.Duration, error) {
	if usec == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(24*time.Hour/time.Microsecond) {
		return 0, fmt.Errorf("WATCHDOG_USEC is %q: want microseconds", usec)
	}
	return time.Duration(n) * time.Microsecond, nil
}

// Status tells systemd what the service does while there is nothing to Follow yet: one line for people.
func (n Notifier) Status(line string) error { return n.send("STATUS=" + line) }

// send sends assignments in one datagram.
func (n Notifier) send(assignments ...string) error {
	if n.conn == nil || len(assignments) == 0 {
		return nil
	}
	_, err := n.conn.Write([]byte(strings.Join(assignments, "\n")))
	if err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// Close closes the socket.
func (n Notifier) Close() error {
	if n.conn == nil {
		return nil
	}
	if err := n.conn.Close(); err != nil && !errors.Is(err, stdnet.ErrClosed) {
		return err
	}
	return nil
}
