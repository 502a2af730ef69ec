package api

import (
	"context"
	"net/http"

	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/view"
)

// exportFaults sends every fault that a filter selects, one per line. A part of them is no export: what goes wrong on the way
// breaks the connection off, which a client cannot take for the end.
func (s *Server) exportFaults(w http.ResponseWriter, r *http.Request, q *query) (any, error) {
	filter := q.scores()
	if err := q.done(); err != nil {
		return nil, invalid{err}
	}
	begun := false
	err := s.pages(r.Context(), filter, func(page []view.Fault) error {
		if !begun {
			w.Header().Set("Content-Type", mediaLines)
			w.Header().Set("Cache-Control", "no-store")
			begun = true
		}
		for _, f := range page {
			raw, err := marshal(f) // with its line's end
			if err != nil {
				return err
			}
			if _, err := w.Write(raw); err != nil {
				return brokenAnswer{err}
			}
		}
		return nil
	})
	if err != nil && begun {
		s.Logger.Debug("An export broke off", "error", err)
		panic(http.ErrAbortHandler) // what net/http offers for this
	}
	return nil, err
}

// pages reads the faults that a filter selects in pieces, so that a node holds no more of them than a page, or those of one
// window if they are more. see is called at least once.
func (s *Server) pages(ctx context.Context, filter faults.Filter, see func([]view.Fault) error) error {
	for {
		filter.Limit = MaxRows
		list, err := s.Records.Faults(ctx, filter)
		if err != nil {
			return err
		}
		page := list.Faults
		if !list.More {
			return see(page)
		}
		last := page[len(page)-1].Window // it may go on beyond the page
		for len(page) > 0 && page[len(page)-1].Window == last {
			page = page[:len(page)-1]
		}
		whole := filter
		whole.From, whole.To, whole.Limit = last, last, 0
		rest, err := s.Records.Faults(ctx, whole)
		if err != nil {
			return err
		}
		if err := see(append(page, rest.Faults...)); err != nil {
			return err
		}
		if filter.To = last - 1; filter.To == 0 || filter.To < filter.From {
			return nil
		}
	}
}
