package node

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// sharedHeaders lets the executors of all wallets share the header reads of a window: a thousand of them ask for the
// same seed block at the same moment, and an endpoint that allows 25 requests a second would take 40 s for that. An
// answer is shared as long as the head stays the same, so that a reorganisation is never hidden; an error is not kept.
type sharedHeaders struct {
	source coordination.Headers
	clock  *chain.Clock
	calls  singleflight.Group

	mu   sync.Mutex
	head chain.Hash // the head at which what is kept was read
	kept map[chain.Height]chain.Header
}

// Header implements coordination.Headers.
func (s *sharedHeaders) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	for {
		head := s.clock.Head().Hash
		if kept, ok := s.lookup(head, h); ok {
			return kept, nil
		}
		v, err, shared := s.calls.Do(strconv.FormatUint(uint64(h), 10), func() (any, error) {
			header, err := s.source.Header(ctx, h)
			if err != nil && ctx.Err() != nil {
				err = abandoned{err}
			}
			return header, err
		})
		var left abandoned
		switch header, _ := v.(chain.Header); {
		case err == nil:
			s.keep(head, h, header)
			return header, nil
		case shared && ctx.Err() == nil && errors.As(err, &left):
			continue // whoever asked for all of us gave up; that is no answer to us
		default:
			return chain.Header{}, err
		}
	}
}

// abandoned is the error of a question whose asker gave up. An endpoint's own deadline is none: it is an answer to all who
// wait.
type abandoned struct{ error }

func (e abandoned) Unwrap() error { return e.error }

func (s *sharedHeaders) lookup(head chain.Hash, h chain.Height) (chain.Header, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != head {
		return chain.Header{}, false
	}
	kept, ok := s.kept[h]
	return kept, ok
}

// keep keeps an answer for the head it was asked at. At most the headers asked for between two heads are kept.
func (s *sharedHeaders) keep(head chain.Hash, h chain.Height, header chain.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != head || s.kept == nil {
		s.head, s.kept = head, make(map[chain.Height]chain.Header)
	}
	s.kept[h] = header
}
