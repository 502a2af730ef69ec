package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stream sends lines and then does as it is told: ends, or says nothing more.
func stream(hang bool, lines ...string) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		for _, line := range lines {
			_, _ = io.WriteString(out, line+"\n")
		}
		_ = http.NewResponseController(out).Flush()
		if hang {
			<-r.Context().Done()
		}
	})
}

// told collects what a watcher sees until it has seen enough.
func told(ctx context.Context, c *Client, enough int) (list []string, gaps []time.Time, _ error) {
	done := errors.New("enough")
	err := c.Watch(ctx, "/watch", func(u Update) error {
		if u.Gap {
			list, gaps = append(list, "gap"), append(gaps, u.Since)
		} else {
			list = append(list, string(u.Line))
		}
		if len(list) == enough {
			return done
		}
		return nil
	})
	if errors.Is(err, done) {
		err = nil
	}
	return list, gaps, err
}

func TestAStreamGoesOnThroughAnotherInstanceAndTellsTheGap(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		began := time.Now()
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			w.set("a:80", nil) // the last that it says
			stream(false, "one", "", "two").ServeHTTP(out, r)
		}))
		w.set("b:80", http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if w.count("a:80") == 0 { // a is to be the first
				out.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			stream(true, "three").ServeHTTP(out, r)
		}))
		c := w.client(nil, "a", "b")
		defer c.Close()
		list, gaps, err := told(t.Context(), c, 4)
		require.NoError(t, err)
		require.Equal(t, []string{"one", "two", "gap", "three"}, list)
		require.Equal(t, []time.Time{began}, gaps)
	})
}

func TestAStreamThatSaysNothingIsGivenUp(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", stream(true, "one"))
		c := w.client(nil, "a")
		defer c.Close()
		began := time.Now()
		list, _, err := told(t.Context(), c, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"one", "gap", "one"}, list)
		require.Greater(t, time.Since(began), DefaultSilence, "virtual seconds")
	})
}

// While every instance is down a watcher waits: the first connection showed that there is something to wait for.
func TestAWatcherWaitsForInstancesToComeBack(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		c := w.client(nil, "a")
		defer c.Close()
		time.AfterFunc(time.Minute, func() { w.set("a:80", stream(true, "two")) })
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			w.set("a:80", nil)
			stream(false, "one").ServeHTTP(out, r)
		}))
		list, _, err := told(t.Context(), c, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"one", "gap", "two"}, list)
	})
}

func TestAnAnswerThatIsNoStreamIsTold(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			out.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(out, "who are you")
		}))
		c := w.client(nil, "a")
		defer c.Close()
		_, _, err := told(t.Context(), c, 1)
		var refused *AnswerError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, AnswerError{http.StatusUnauthorized, []byte("who are you")}, *refused)
		require.EqualError(t, err, "the instance answered with status 401")
	})
}

func TestAWatcherEndsWithItsContext(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", stream(true, "one"))
		c := w.client(nil, "a")
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		list, _, err := told(ctx, c, 2)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, []string{"one"}, list)
	})
}

func TestALineThatIsTooLongEndsItsConnection(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", stream(true, "one", strings.Repeat("x", maxLine+1)))
		c := w.client(nil, "a")
		defer c.Close()
		list, _, err := told(t.Context(), c, 3)
		require.NoError(t, err)
		require.Equal(t, []string{"one", "gap", "one"}, list)
	})
}
