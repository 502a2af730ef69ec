package devnet

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	views "github.com/walletnode/walletnode/internal/view"
)

// glimpse is what a viewer is shown first.
type glimpse struct {
	live    views.Live
	records views.BoardRecords
}

// lookAt looks at a page as a browser does, until it was shown something of the newest records.
func lookAt(t *testing.T, url string) (g glimpse) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	get := func(path string) io.ReadCloser {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		return response.Body
	}
	html, err := io.ReadAll(get(""))
	require.NoError(t, err)
	require.Contains(t, string(html), `<script src="app.js" defer>`)

	events := get("events")
	defer events.Close()
	kind := ""
	for lines := bufio.NewReader(events); ; {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			kind = strings.TrimSpace(name)
		}
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case kind == "records":
			require.NoError(t, json.Unmarshal([]byte(data), &g.records))
		case kind == "live":
			var event struct {
				Live views.Live `json:"live"`
			}
			require.NoError(t, json.Unmarshal([]byte(data), &event))
			if g.live = event.Live; g.live.RecordsVersion > 0 {
				return g
			}
		}
	}
}

// shownNode is a node as a page asks for it.
type shownNode struct {
	name    string
	version uint64 // of its records; 0 before it has read any
	asked   int
}

func (n *shownNode) Board() views.Board {
	var b views.Board
	b.Live.Version, b.Live.RecordsVersion, b.Records.Version = n.name, n.version, n.version
	if n.version > 0 {
		b.Records.Faults = []views.BoardFault{{ID: n.name}}
	}
	return b
}

func (n *shownNode) Refresh(context.Context) error { n.asked++; return nil }

func (n *shownNode) News(ctx context.Context, changed func()) error {
	changed()
	<-ctx.Done()
	return ctx.Err()
}

func (n *shownNode) Record(context.Context, chain.Height, *chain.WalletID) (views.Trace, error) {
	n.asked++
	return views.Trace{}, nil
}

func (n *shownNode) Signings(context.Context, chain.Height, chain.WalletID) (views.Signings, error) {
	n.asked++
	return views.Signings{}, nil
}

func TestThePageIsOfTheFirstNodeThatRuns(t *testing.T) {
	b, err := newBoard(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.listener.Close()) })
	first, second := &shownNode{name: "first", version: 3}, &shownNode{name: "second", version: 2}
	shows := func(name, records string, version uint64) {
		t.Helper()
		v := b.Board()
		require.Equal(t, name, v.Live.Version)
		require.Equal(t, records, v.Records.Faults[0].ID)
		require.Equal(t, version, v.Records.Version)
	}
	b.enter(1, second)
	shows("second", "second", 2)
	b.enter(0, first)
	shows("first", "first", 2+3)
	first.version = 4
	shows("first", "first", 2+4)
	b.leave(0)
	shows("second", "second", 6+2) // the records are others than those of version 2 to 6
	require.Equal(t, uint64(8), b.Board().Live.RecordsVersion)

	again := &shownNode{name: "again"}
	b.enter(0, again)
	shows("again", "second", 8) // nothing read yet
	require.Zero(t, b.Board().Live.RecordsVersion, "so what is shown is old")
	again.version = 1
	shows("again", "again", 9)
	require.NoError(t, b.Refresh(t.Context()))
	_, err = b.Record(t.Context(), 900, nil)
	require.NoError(t, err)
	_, err = b.Signings(t.Context(), 900, chain.WalletID{1})
	require.NoError(t, err)
	require.Equal(t, 3, again.asked)

	b.leave(0)
	b.leave(1)
	b.leave(1)
	shows("again", "again", 9) // as it ended
}
