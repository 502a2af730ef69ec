package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// Right is what a subscriber of the feed may do with a mailbox.
type Right string

// The rights. None includes another.
const (
	RightFollow      Right = "follow"
	RightAcknowledge Right = "acknowledge"
	RightMove        Right = "move"
)

// everyMailbox in a subscriber's list stands for all of them, those to come included.
const everyMailbox = "*"

// Subscriber is somebody who shows a token of his own, and what he may do with it: this alone, and only with these mailboxes.
type Subscriber struct {
	Name      string // for logs
	Token     string
	Mailboxes []string
	May       []Right
}

// ErrForbidden says that the token does not permit what was asked.
var ErrForbidden = errors.New("the token does not permit it")

// may demands a right, with a mailbox.
func (s Subscriber) may(right Right, mailbox string) error {
	if !slices.Contains(s.May, right) {
		return fmt.Errorf("%w: subscriber %q has no right to %s", ErrForbidden, s.Name, right)
	}
	if !s.sees(mailbox) {
		return fmt.Errorf("%w: mailbox %q is not among those of subscriber %q", ErrForbidden, mailbox, s.Name)
	}
	return nil
}

// sees is whether a mailbox is among the subscriber's. A signer's name stands for those that it has at the instances.
func (s Subscriber) sees(mailbox string) bool {
	return slices.ContainsFunc(s.Mailboxes, func(its string) bool {
		return its == mailbox || its == everyMailbox || feed.ResidentOf(its, mailbox)
	})
}

// callerKey is where a request's context has its Subscriber.
type callerKey struct{}

// called says who asks; nobody in particular is the operator.
func called(r *http.Request, by *Subscriber) *http.Request {
	if by == nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, by))
}

// caller returns the subscriber who asks; nil for the operator.
func caller(r *http.Request) *Subscriber {
	by, _ := r.Context().Value(callerKey{}).(*Subscriber)
	return by
}

// permit refuses a subscriber what its route does not let it do.
func (r route) permit(request *http.Request) error {
	by := caller(request)
	switch {
	case by == nil || r.forSubscribers:
		return nil
	case r.right != "":
		return by.may(r.right, request.PathValue("mailbox"))
	}
	return fmt.Errorf("%w: it is for the feed alone", ErrForbidden)
}
