package dashboard

import (
	"fmt"
	"net/http"
	"time"
)

// viewerTimeout is how long one event may take to send. A viewer that is slower is cut off; one that is merely slow misses
// snapshots and is shown the newest, so that nothing waits for it.
const viewerTimeout = 10 * time.Second

// signOfLife is how often a viewer hears that the server lives, snapshots or not: a node may start for minutes, and who has
// heard nothing for long connects anew.
const signOfLife = 2 * time.Second

// events sends the snapshots as they are made, until the viewer goes or the server stops: an event "live" each time, and
// before it one "records" whenever those have changed. Between them come events "alive", which say nothing.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if err := s.hub.join(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer s.hub.leave()
	out := stream{w, http.NewResponseController(w)}
	if err := out.open(); err != nil {
		return // the viewer has gone
	}
	alive := time.NewTicker(signOfLife)
	defer alive.Stop()
	var shown uint64
	for {
		now := s.hub.latest()
		if err := out.snapshot(now, &shown); err != nil {
			return // gone, or too slow
		}
		for waiting := true; waiting; {
			select {
			case <-now.next:
				waiting = false
			case <-alive.C:
				if err := out.send("event: alive\ndata:\n\n"); err != nil {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}
}

// stream sends events one by one, each in bounded time.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// open lets the viewer know at once that it is heard.
func (o stream) open() error {
	if err := o.control.SetReadDeadline(time.Time{}); err != nil { // the server's would end the request
		return err
	}
	o.w.Header().Set("Content-Type", "text/event-stream")
	o.w.Header().Set("Cache-Control", "no-store")
	return o.send(": welcome\n\n")
}

// snapshot sends what the viewer has not been shown yet; shown is the version of the records that it has.
func (o stream) snapshot(s *snapshot, shown *uint64) error {
	if s.live == nil {
		return nil
	}
	if s.version != *shown {
		if err := o.send("event: records\ndata: %s\n\n", s.records); err != nil {
			return err
		}
		*shown = s.version
	}
	return o.send("event: live\ndata: {\"age_ms\":%d,\"live\":%s}\n\n", time.Since(s.at).Milliseconds(), s.live)
}

func (o stream) send(format string, args ...any) error {
	if err := o.control.SetWriteDeadline(time.Now().Add(viewerTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(o.w, format, args...); err != nil {
		return err
	}
	return o.control.Flush()
}
