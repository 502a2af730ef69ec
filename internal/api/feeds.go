package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// mediaBytes is what an export is.
const mediaBytes = "application/octet-stream"

// Feeds are the operator's feeds, as one instance knows them. A mailbox that does not exist is pipeline.ErrNoMailbox, one that another
// instance has a *MovedError, and one that none has at this moment ErrNoOwner.
type Feeds interface {
	// Mailboxes lists those of all instances, by name.
	Mailboxes(ctx context.Context) ([]view.Mailbox, error)
	// Follow delivers what comes after a position until ctx ends or deliver fails. An entry that is gone is pipeline.ErrCollected.
	Follow(ctx context.Context, mailbox string, from pipeline.Position, deliver func(pipeline.News) error) error
	// Acknowledge fails with pipeline.ErrFuture for an entry that there is not yet.
	Acknowledge(ctx context.Context, mailbox string, n feed.Number) error
	// Move has a mailbox go on at another instance, from an epoch's beginning on. store.ErrNotFound if there is none of that name, ErrStays
	// if the mailbox never moves.
	Move(ctx context.Context, mailbox, to string) error
	// Export returns the sealed epochs that are kept.
	Export(ctx context.Context, mailbox string) (feed.Export, error)
	// Heads returns what is left of the sealed epochs of an instance, of one and later ones, MaxFeedHeads at most; empty: of this instance.
	Heads(ctx context.Context, instance string, from feed.Epoch) (view.FeedHeads, error)
	// Keys lists the instances with their keys, signed by the operator.
	Keys(ctx context.Context) (feedclient.Keys, error)
}

var (
	// ErrNoFeed says that the node has no feed.
	ErrNoFeed = errors.New("this node has no feed")
	// errElsewhere says that another instance has a mailbox.
	errElsewhere = errors.New("another instance has the mailbox")
	// ErrStays says that a mailbox is one instance's own, such as that of its live events.
	ErrStays = errors.New("it cannot be moved")

	errFresh = errors.New("number and instance are where a subscriber goes on, and belong together")
)

// MovedError says which instance has a mailbox.
type MovedError struct{ Home view.MailboxHome }

func (e *MovedError) Error() string { return fmt.Sprintf("%v: %s", errElsewhere, e.Home.Owner) }

// Unwrap makes it an errElsewhere.
func (e *MovedError) Unwrap() error { return errElsewhere }

// ReadWish acknowledges a mailbox's entries.
type ReadWish struct {
	Number feed.Number `json:"number"` // the last entry that is needed no more
}

// MoveWish asks where a mailbox goes on.
type MoveWish struct {
	To string `json:"to"` // an instance
}

// MaxFeedHeads is how many heads are answered at once.
const MaxFeedHeads = 1024

var mailboxParameter = parameter{name: "mailbox", kind: "string", required: true, about: "Name of a mailbox."}

// feedRoutes are those of the feed.
func feedRoutes() []route {
	one := []parameter{mailboxParameter}
	return []route{
		{path: "/v1/feed/mailboxes", summary: "The mailboxes of the feed, and which instance has each. A subscriber is told of its own.", answer: view.Mailboxes{}, handle: (*Server).mailboxes, forSubscribers: true},
		{
			path: "/v1/feed/mailboxes/{mailbox}", answer: feedclient.Line{}, elsewhere: view.MailboxHome{}, media: mediaLines, handle: (*Server).followMailbox, alone: true, right: RightFollow,
			summary: "A mailbox's entries with their payloads, and the seals of epochs, one JSON object per line, empty lines as a sign of life. It begins with the oldest entry that is kept, or goes on after number and epoch of an instance.",
			parameters: with(
				one,
				parameter{name: "instance", kind: "string", about: "Whose feed was read last."},
				parameter{name: "number", kind: "integer", about: "The last entry that was read."},
				parameter{name: "epoch", kind: "integer", about: "The last epoch of that instance whose seal was read."},
			),
		},
		{
			method: http.MethodPost, path: "/v1/feed/mailboxes/{mailbox}/acknowledge", body: ReadWish{}, answer: view.MailboxRead{}, elsewhere: view.MailboxHome{}, parameters: one,
			summary: "Says that entries are needed no more. Going back changes nothing.", handle: (*Server).acknowledge, right: RightAcknowledge,
		},
		{
			method: http.MethodPost, path: "/v1/feed/mailboxes/{mailbox}/move", body: MoveWish{}, answer: view.MailboxMove{}, parameters: one,
			summary: "Has a mailbox go on at another instance, from an epoch's beginning on.", handle: (*Server).moveMailbox, right: RightMove,
		},
		{
			path: "/v1/feed/mailboxes/{mailbox}/export", answer: "", elsewhere: view.MailboxHome{}, media: mediaBytes, parameters: one, right: RightFollow,
			summary: "The sealed epochs of a mailbox that are kept, without payloads: what can be compared with another subscriber's.", handle: (*Server).exportMailbox,
		},
		{
			path: "/v1/feed/heads", answer: view.FeedHeads{}, handle: (*Server).feedHeads, forSubscribers: true,
			summary: "What is left of an instance's sealed epochs, those that were collected included: the hash of each seal.",
			parameters: []parameter{
				{name: "instance", kind: "string", about: "Whose feed; the one that answers if it is left out."},
				{name: "from", kind: "integer", about: "The first epoch."},
			},
		},
		{path: "/v1/feed/keys", summary: "The keys that instances sign their feeds with, signed with the operator's key.", answer: feedclient.Keys{}, handle: (*Server).feedKeys, forSubscribers: true},
	}
}

func (s *Server) feeds() (Feeds, error) {
	if s.Feeds == nil {
		return nil, ErrNoFeed
	}
	return s.Feeds, nil
}

func (s *Server) mailboxes(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	feeds, err := s.feeds()
	if err != nil {
		return nil, err
	}
	list, err := feeds.Mailboxes(r.Context())
	if by := caller(r); by != nil {
		list = slices.DeleteFunc(list, func(m view.Mailbox) bool { return !by.sees(m.Mailbox) })
	}
	return view.Mailboxes{Mailboxes: slices.Concat([]view.Mailbox{}, list)}, err
}

// here finds a mailbox that this instance has.
func here(ctx context.Context, feeds Feeds, name string) (view.Mailbox, error) {
	list, err := feeds.Mailboxes(ctx)
	if err != nil {
		return view.Mailbox{}, err
	}
	for _, m := range list {
		switch {
		case m.Mailbox != name:
		case m.Self:
			return m, nil
		case m.Instance == "":
			return m, ErrNoOwner
		default:
			return m, &MovedError{view.MailboxHome{Mailbox: name, Owner: m.Instance, URLs: m.URLs}}
		}
	}
	return view.Mailbox{}, fmt.Errorf("mailbox %q: %w", name, pipeline.ErrNoMailbox)
}

// moved answers where a mailbox is, if that is what is wrong.
func moved(w http.ResponseWriter, err error) error {
	var elsewhere *MovedError
	if !errors.As(err, &elsewhere) {
		return err
	}
	return write(w, http.StatusTemporaryRedirect, elsewhere.Home)
}

func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	feeds, err := s.feeds()
	if err != nil {
		return nil, err
	}
	wish, err := body[ReadWish](r)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("mailbox")
	if err := feeds.Acknowledge(r.Context(), name, wish.Number); err != nil {
		return nil, moved(w, err)
	}
	return view.MailboxRead{Mailbox: name, Number: wish.Number}, nil
}

func (s *Server) moveMailbox(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	feeds, err := s.feeds()
	if err != nil {
		return nil, err
	}
	wish, err := body[MoveWish](r)
	if err != nil {
		return nil, err
	}
	if err := feed.CheckName(wish.To); err != nil {
		return nil, invalid{err}
	}
	name := r.PathValue("mailbox")
	if err := feeds.Move(r.Context(), name, wish.To); err != nil {
		return nil, moved(w, err)
	}
	who := "operator"
	if by := caller(r); by != nil {
		who = by.Name
	}
	s.Logger.Info("Mailbox is to go on at another instance", "mailbox", name, "to", wish.To, "asked_by", who)
	return view.MailboxMove{Mailbox: name, To: wish.To}, nil
}

func (s *Server) exportMailbox(w http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	feeds, err := s.feeds()
	if err != nil {
		return nil, err
	}
	x, err := feeds.Export(r.Context(), r.PathValue("mailbox"))
	if err != nil {
		return nil, moved(w, err)
	}
	w.Header().Set("Content-Type", mediaBytes)
	w.Header().Set("Cache-Control", "no-store")
	if _, err := w.Write(x.Encode()); err != nil {
		return nil, brokenAnswer{err}
	}
	return nil, nil
}

func (s *Server) feedHeads(_ http.ResponseWriter, r *http.Request, q *query) (any, error) {
	feeds, err := s.feeds()
	if err != nil {
		return nil, err
	}
	instance, from := q.text("instance"), value(parsed(q, "from", parseCount))
	if instance != "" {
		if err := feed.CheckName(instance); err != nil {
			q.wrong("instance", err)
		}
	}
	return answer(q, func() (any, error) { return feeds.Heads(r.Context(), instance, feed.Epoch(from)) })
}

func (s *Server) feedKeys(_ http.ResponseWriter, r *http.Request, _ *query) (any, error) {
	feeds, err := s.feeds()
	if err != nil {
		return nil, err
	}
	return feeds.Keys(r.Context())
}
