package coordination

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// A database that is away fails every head, and is told of once a minute.
func TestFailuresAtEveryHeadAreToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log, w, away := slog.New(slog.NewTextHandler(&out, nil)), woe{}, errors.New("away")
		for height := range chain.Height(13) { // two minutes and a half
			w.heard(log, 900+height, away)
			time.Sleep(12 * time.Second)
		}
		require.Equal(t, 3, strings.Count(out.String(), "level=ERROR"))
		out.Reset()
		w.heard(log, 913, nil)
		w.heard(log, 914, nil)
		require.Equal(t, 1, strings.Count(out.String(), "\n"))
		require.Contains(t, out.String(), "after=2m36s")
		out.Reset()
		w.heard(log, 915, away)
		require.Contains(t, out.String(), "height=915", "the next failure is news again")
	})
}
