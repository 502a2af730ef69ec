package daemon

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who asks for what a signer keeps of its mailbox, and reads slowly, is answered no faster, and keeps its place meanwhile: nothing of the
// answer is held back here, so that what the places bound is bounded.
func TestWhoReadsAnEpochSlowlyKeepsItsPlace(t *testing.T) {
	w := newWorld(t)
	w.permit(t, []Role{RoleRead}, "*")
	const chunk, chunks = 1 << 20, 64 // more than sockets hold
	var inside, wrote atomic.Int64
	w.server.SetFeed(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		inside.Add(1)
		defer inside.Add(-1)
		for range chunks {
			if _, err := answer.Write(make([]byte, chunk)); err != nil {
				return
			}
			wrote.Add(1)
		}
	}))
	ask := func() *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/v1/feed/epoch?instance=alpha&epoch=1", nil)
		require.NoError(t, err)
		response, err := w.raw(t, w.node).Do(request)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode)
		return response
	}
	slow, gone := ask(), ask()
	require.EqualValues(t, 2, inside.Load())
	require.NoError(t, gone.Body.Close()) // it went away in the middle
	taken := func() int {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		return len(w.server.slots)
	}
	require.Eventually(t, func() bool { return inside.Load() == 1 && taken() == 1 }, 2*time.Minute, time.Millisecond)
	require.Less(t, wrote.Load(), int64(2*chunks-2), "neither was written before it was read")
	n, err := io.Copy(io.Discard, slow.Body)
	require.NoError(t, err)
	require.EqualValues(t, chunk*chunks, n)
	require.NoError(t, slow.Body.Close())
	require.Eventually(t, func() bool { return inside.Load() == 0 && taken() == 0 }, 2*time.Minute, time.Millisecond)
}
