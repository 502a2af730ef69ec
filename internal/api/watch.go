package api

import (
	"net/http"
	"time"

	"github.com/walletnode/walletnode/internal/view"
)

// signOfLife is how often a watcher without news gets an empty line; watchTimeout is how long one line may take to send.
const signOfLife, watchTimeout = 15 * time.Second, 10 * time.Second

// watch sends events, one per line, until the client goes, is too slow, or the node stops.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	watcher, err := s.Feed.join()
	if err != nil {
		return nil, err
	}
	defer s.Feed.leave(watcher)
	w.Header().Set("Content-Type", mediaLines)
	w.Header().Set("Cache-Control", "no-store")
	out := lineWriter{w, http.NewResponseController(w)}
	if err := out.control.SetReadDeadline(time.Time{}); err != nil { // the server's would end the request
		return nil, err
	}
	alive := time.NewTicker(signOfLife)
	defer alive.Stop()
	err = out.send(nil) // the client learns at once that it is heard
	for err == nil {
		select {
		case e, ok := <-watcher.events:
			if !ok {
				return nil, out.event(view.NewDropped(view.Time(time.Now())))
			}
			err = out.event(e)
		case <-alive.C:
			err = out.send(nil)
		case <-r.Context().Done():
			return nil, nil
		}
	}
	return nil, err
}

// lineWriter sends lines one by one, each in bounded time.
type lineWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (l lineWriter) event(e view.Event) error {
	raw, err := marshal(e)
	if err != nil {
		return brokenAnswer{err}
	}
	return l.send(raw[:len(raw)-1])
}

func (l lineWriter) send(line []byte) error {
	if err := l.control.SetWriteDeadline(time.Now().Add(watchTimeout)); err != nil {
		return brokenAnswer{err}
	}
	if _, err := l.w.Write(append(line, '\n')); err != nil {
		return brokenAnswer{err}
	}
	if err := l.control.Flush(); err != nil {
		return brokenAnswer{err}
	}
	return nil
}
