package coordination

import (
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// woePause is the time between two lines about failures at one head after the other: a database that is away for an hour is
// one piece of news, and a reminder.
const woePause = time.Minute

// woe tells of failures that go on from head to head: of the first, then once a minute, and when they are over.
type woe struct {
	since, told time.Time // of the present row of failures; zero while there are none
}

// heard takes the outcome at one head.
func (w *woe) heard(log *slog.Logger, height chain.Height, err error) {
	now := time.Now()
	switch {
	case err == nil && w.since.IsZero():
	case err == nil:
		log.Info("The windows are followed again", "height", height, "after", now.Sub(w.since).Round(time.Second))
		*w = woe{}
	case w.since.IsZero() || now.Sub(w.told) >= woePause:
		if w.since.IsZero() {
			w.since = now
		}
		w.told = now
		log.Error("Could not follow the windows at this head", "height", height, "error", err)
	}
}
