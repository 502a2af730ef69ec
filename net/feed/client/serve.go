package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/walletnode/walletnode/net/feed"
)

// The answers to other subscribers, by the last part of the path.
const (
	trailPath = "trail"
	epochPath = "epoch"
)

// maxAnswering is how many others are answered at once: a trail takes hashing all that is kept. Further ones come again.
const maxAnswering = 4

// pieceEntries is how many entries of an epoch are answered at once, so that an answer has a few MiB, however long the epoch is.
const pieceEntries = 1 << 14

// Serve answers other subscribers who compare: GET .../trail and GET .../epoch, wherever it is mounted. It only reads. A token is asked
// for as a bearer's; without one whoever reaches it is answered, and the caller lets in whom it will.
func (f *Follower) Serve(token string) http.Handler {
	d := &desk{archive: f.Archive, busy: make(chan struct{}, maxAnswering), piece: pieceEntries}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		d.token = &sum
	}
	return d
}

// desk answers other subscribers.
type desk struct {
	archive func() Archive
	token   *[sha256.Size]byte // nil: all are answered
	busy    chan struct{}
	piece   int // entries of an epoch in one answer
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	sum := sha256.Sum256([]byte(given))
	switch {
	case d.token != nil && subtle.ConstantTimeCompare(sum[:], d.token[:]) != 1:
		http.Error(w, "subscribers who compare show the token they were given", http.StatusUnauthorized)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "what a subscriber keeps can be read, and nothing else", http.StatusMethodNotAllowed)
		return
	}
	select {
	case d.busy <- struct{}{}:
		defer func() { <-d.busy }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "others are being answered; come again", http.StatusTooManyRequests)
		return
	}
	raw, err := d.answer(r)
	switch {
	case errors.Is(err, ErrNotKept):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(raw) // who went away is not told why
	}
}

func (d *desk) answer(r *http.Request) ([]byte, error) {
	q := r.URL.Query()
	switch path.Base(r.URL.Path) {
	case trailPath:
		asked, err := parseQuestion(q)
		if err != nil {
			return nil, err
		}
		t, err := d.archive().Trail(r.Context(), asked)
		if err != nil {
			return nil, err
		}
		return t.Encode(), nil
	case epochPath:
		e, err := parseEpoch(q, "epoch")
		if err != nil {
			return nil, err
		}
		var after uint64
		if q.Has("after") {
			if after, err = strconv.ParseUint(q.Get("after"), 10, 64); err != nil {
				return nil, errors.New("after: want the number of an entry")
			}
		}
		x, err := d.archive().Epoch(r.Context(), q.Get("instance"), e)
		if err != nil {
			return nil, err
		}
		return piece(x, feed.Number(after), d.piece).Encode(), nil
	}
	return nil, ErrNotKept
}

func parseQuestion(q url.Values) (asked Question, err error) {
	asked = Question{Instance: q.Get("instance"), Mailbox: q.Get("mailbox")}
	if asked.Instance != "" {
		err = feed.CheckName(asked.Instance)
	}
	err = errors.Join(err, feed.CheckName(asked.Mailbox))
	from, wrong := parseEpoch(q, "from")
	whole, also := parseEpoch(q, "whole")
	asked.From, asked.Whole = from, whole
	return asked, errors.Join(err, wrong, also)
}

func parseEpoch(q url.Values, name string) (feed.Epoch, error) {
	n, err := strconv.ParseUint(q.Get(name), 10, 64)
	if err != nil {
		return 0, errors.New(name + ": want the number of an epoch")
	}
	return feed.Epoch(n), nil
}
