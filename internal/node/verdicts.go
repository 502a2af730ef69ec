package node

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/shared"
)

const (
	// verdictPause is the time between two looks at the endpoints, which are polled every few seconds.
	verdictPause = time.Second
	// verdictRepeat is how often verdicts are written that have not changed: a restored database may have forgotten them.
	verdictRepeat = time.Minute
)

// verdicts tells the siblings what this instance thinks of the chain's endpoints.
type verdicts struct {
	instance string
	snapshot func() *quorum.Snapshot
	set      func(ctx context.Context, instance string, list []shared.Verdict) error
	timeout  time.Duration
	log      *slog.Logger
}

// Run writes the verdicts whenever one has changed, until ctx ends, and returns nil.
func (v *verdicts) Run(ctx context.Context) error {
	ticker := time.NewTicker(verdictPause)
	defer ticker.Stop()
	var written []shared.Verdict
	var at time.Time
	for {
		if now := v.now(); !slices.Equal(now, written) || time.Since(at) >= verdictRepeat {
			request, cancel := context.WithTimeout(ctx, v.timeout)
			err := v.set(request, v.instance, now)
			cancel()
			if err == nil {
				written, at = now, time.Now()
			} else {
				v.log.Debug("Could not tell the siblings about the endpoints", "error", err)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (v *verdicts) now() []shared.Verdict {
	list := []shared.Verdict{}
	for _, e := range v.snapshot().Endpoints {
		detail := string(e.Reason)
		if e.Detail != "" {
			detail += ": " + e.Detail
		}
		if len(detail) > shared.MaxText {
			detail = strings.ToValidUTF8(detail[:shared.MaxText], "") // databases refuse half a letter
		}
		list = append(list, shared.Verdict{Instance: v.instance, Endpoint: e.Name, Status: string(e.Status), Detail: detail, At: e.Since})
	}
	return list
}
