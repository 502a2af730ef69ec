package systemd

import (
	"context"
	"strings"
	"time"
)

// statusPause is how often the status line is made anew where no watchdog asks for more.
const statusPause = 10 * time.Second

// Report is how a service fares at a moment.
type Report struct {
	Ready    bool   // it has started
	Stopping bool   // it was told to stop
	Status   string // one line for people
}

// Follow tells systemd of each change until ctx ends, and once more then: READY=1 and STOPPING=1 once, STATUS when it differs, and
// WATCHDOG=1 at half of the time that systemd waits. describe is called before each sign of life, so it should touch
// what could hang: a service whose report hangs gives none, and is started anew. changed returns a channel that is
// closed at the next change worth telling. The first error of the socket ends it.
func (n Notifier) Follow(ctx context.Context, changed func() <-chan struct{}, describe func() Report) error {
	if n.conn == nil {
		return nil
	}
	pause := statusPause
	if n.watchdog > 0 {
		pause = min(pause, n.watchdog/2)
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	var told Report
	for last := false; ; {
		next := changed()
		report := describe()
		if err := n.send(news(told, report, n.watchdog > 0)...); err != nil {
			return err
		}
		if last {
			return nil
		}
		told = Report{told.Ready || report.Ready, told.Stopping || report.Stopping, report.Status}
		select {
		case <-next:
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
	}
}

// news is what systemd has not been told.
func news(told, now Report, watchdog bool) []string {
	var assignments []string
	if now.Ready && !told.Ready {
		assignments = append(assignments, "READY=1")
	}
	if now.Stopping && !told.Stopping {
		assignments = append(assignments, "STOPPING=1")
	}
	if now.Status != told.Status {
		// An assignment ends with its line.
		assignments = append(assignments, "STATUS="+strings.ReplaceAll(now.Status, "\n", " "))
	}
	if watchdog {
		assignments = append(assignments, "WATCHDOG=1")
	}
	return assignments
}
