package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
)

// DefaultPolicy is how a subscriber that says nothing keeps epochs: a week of windows, and of older ones the heads.
var DefaultPolicy = feed.Policy{Keep: 56, Then: feed.Compress}

// Times and bounds of a Follower.
const (
	firstPause, lastPause = 250 * time.Millisecond, 10 * time.Second // between two attempts to connect
	// tellEvery is after how many entries their delivery is written down and acknowledged also if more wait.
	tellEvery = 256
	maxAnswer = 64 << 10 // bytes of an answer that is no stream
)

// What callers tell apart with errors.Is.
var (
	// ErrOtherOperator says that a list of keys is another operator's than the one believed so far.
	ErrOtherOperator = errors.New("the instance's list of keys is another operator's; if that is right, begin in a new directory")
	// ErrOtherMailbox says that a directory holds the place in another mailbox.
	ErrOtherMailbox = errors.New("the directory holds the place in another mailbox; name another one")
	// ErrCollected says that entries are gone that were not read yet.
	ErrCollected = errors.New("entries that were not read yet are not kept any more; begin in a new directory with what the mailbox holds")
)

// Instances are where a mailbox is asked for; *client.Client of package net/client leads to those of an operator.
type Instances interface {
	Located(ctx context.Context, r client.Request) (*http.Response, error)
}

// Delivery is an entry, verified as far as it can be before its epoch is sealed: it follows the one before it, and the payload is the
// one that its record names.
type Delivery struct {
	Instance string // whose feed it came through
	Entry    feed.Entry
	Payload  []byte // nil of a gap, and where Wrong is set
	Wrong    error  // feed.ErrPayload: what came as the payload must not be used, and was left out
	Again    bool   // it was handed over before the last start, see Config.Again
}

// Config is what a Follower needs. Instances, Mailbox and Deliver must be there.
type Config struct {
	Instances Instances
	Mailbox   string
	// Operator is whose list of keys is believed. Zero: whose comes first, from then on.
	Operator chain.Operator
	// Dir is where the place is kept, and epochs that are not verified; one Follower has it at a time. Empty keeps nothing: every start
	// begins with the oldest entry that the mailbox holds.
	Dir string
	// Acknowledge says that entries are not needed any more once they are delivered: the instance may forget them.
	Acknowledge bool
	// Again has entries delivered once more after a start whose epoch was not complete before it, or all that there are where the place was
	// lost.
	Again bool
	// Policy is how epochs are kept; zero is as before, and DefaultPolicy at first.
	Policy feed.Policy
	// Deliver takes an entry. When it has returned nil the entry is not delivered again; after a crash those of the last moments are, with
	// the numbers they had. An error ends Run.
	Deliver func(ctx context.Context, d Delivery) error
	// Sealed, if set, is told of each epoch that was sealed, and who is to blame by it. An error ends Run.
	Sealed func(ctx context.Context, s feed.Seal, blames []feed.Blame) error
	Logger *slog.Logger // nil for none
}

// Follower follows one mailbox. Its methods are not for several goroutines.
type Follower struct {
	cfg    Config
	shelf  shelf
	at     place
	known  bool // at says where to begin
	again  feed.Number
	reader *feed.Reader // nil before the first line
	ring   feed.Keyring // the reader's, which grows with the list of keys
	told   feed.Number  // acknowledged
	dirty  int          // entries delivered since the place was written
}

// Open reads the place that was kept, and makes a Follower.
func Open(cfg Config) (*Follower, error) {
	if cfg.Instances == nil || cfg.Deliver == nil {
		return nil, errors.New("follow mailbox: instances, or what to deliver to, are missing")
	}
	if err := feed.CheckName(cfg.Mailbox); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Follower{cfg: cfg, shelf: shelf{cfg.Dir}}
	at, kept, found, err := f.shelf.read()
	if err != nil {
		return nil, fmt.Errorf("read the subscriber's place: %w", err)
	}
	switch {
	case found && at.Mailbox != cfg.Mailbox:
		return nil, fmt.Errorf("%w: it is %s's", ErrOtherMailbox, at.Mailbox)
	case found && cfg.Operator != (chain.Operator{}) && at.Operator != cfg.Operator:
		return nil, fmt.Errorf("%w: the directory's is %v", ErrOtherOperator, at.Operator)
	case !found:
		at = place{Mailbox: cfg.Mailbox, Operator: cfg.Operator, Keep: DefaultPolicy.Keep, Then: DefaultPolicy.Then}
	}
	if cfg.Policy != (feed.Policy{}) {
		at.Keep, at.Then = cfg.Policy.Keep, cfg.Policy.Then
	}
	f.at, f.known = at, found && at.Keys != nil
	if !f.known {
		return f, nil
	}
	f.again = at.Delivered
	return f, f.resume(kept)
}

// resume makes a reader at the place that was kept.
func (f *Follower) resume(kept []feed.Kept) (err error) {
	f.believe()
	f.reader, err = feed.NewReader(f.at.Instance, f.at.Mailbox, f.ring, f.at.start(), feed.Policy{Keep: f.at.Keep, Then: f.at.Then})
	if err != nil {
		return fmt.Errorf("resume mailbox: %w", err)
	}
	f.reader.Restore(kept)
	return nil
}

// believe has the reader believe the list of keys.
func (f *Follower) believe() {
	if f.ring == nil {
		f.ring = feed.Keyring{}
	}
	maps.Copy(f.ring, f.at.Keys.Ring())
}

// Kept returns the epochs that are kept, ascending.
func (f *Follower) Kept() []feed.Kept {
	if f.reader == nil {
		return nil
	}
	return f.reader.Kept()
}

// Export returns the epochs that are kept whole: what can be compared with another subscriber's.
func (f *Follower) Export() feed.Export {
	if f.reader == nil {
		return feed.Export{Instance: f.at.Instance, Mailbox: f.at.Mailbox}
	}
	return f.reader.Export()
}

// Verified forgets the epochs up to one: they were the same as another subscriber's. It makes room where the policy is to hold.
func (f *Follower) Verified(until feed.Epoch) error {
	if f.reader == nil {
		return nil
	}
	f.reader.Verified(until)
	return f.shelf.keep(f.at, f.reader.Kept())
}

// Keys returns the list of keys that is believed; false before the first.
func (f *Follower) Keys() (Keys, bool) {
	if f.at.Keys == nil {
		return Keys{}, false
	}
	return *f.at.Keys, true
}

// Run follows until ctx ends, whose error it returns. Instances that do not answer are asked again; it ends with a
// *client.AnswerError if one refuses, with a feed.Blame if the mailbox's chain is broken, with feed.ErrUnverified where the policy is to
// hold, with ErrCollected, and with what Deliver or Sealed returned.
func (f *Follower) Run(ctx context.Context) error {
	wait := firstPause
	for {
		heard, err := f.connection(ctx)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), f.tell(context.WithoutCancel(ctx), false))
		}
		var again againError
		if err != nil && !errors.As(err, &again) {
			return errors.Join(err, f.tell(ctx, false))
		}
		if heard {
			wait = firstPause
		}
		f.cfg.Logger.Debug("Stream of the mailbox has ended, and is taken up again", "mailbox", f.at.Mailbox, "error", err)
		timer := time.NewTimer(wait)
		wait = min(2*wait, lastPause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// againError is why a stream ended that is taken up again.
type againError struct{ error }

func (e againError) Unwrap() error { return e.error }

// connection reads one stream to its end; heard says that it was one.
func (f *Follower) connection(ctx context.Context) (heard bool, _ error) {
	query := url.Values{}
	if f.known {
		at := f.at.start()
		if f.reader != nil {
			at = f.reader.At()
		}
		query.Set("instance", f.instance())
		query.Set("number", strconv.FormatUint(uint64(at.Number), 10))
		if at.Sealed {
			query.Set("epoch", strconv.FormatUint(uint64(at.Epoch), 10))
		}
	}
	response, err := f.cfg.Instances.Located(ctx, client.Request{Method: http.MethodGet, Path: f.path(""), Query: query, Stream: true})
	if err != nil {
		return false, again(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		return false, refused(response)
	}
	lines := newLines(response.Body)
	for {
		raw, err := lines.next()
		if err != nil {
			return heard, againError{fmt.Errorf("read mailbox: %w", err)}
		}
		heard = true
		if len(raw) > 0 {
			if err := f.line(ctx, raw); err != nil {
				return heard, err
			}
		}
		if f.dirty > 0 && (f.dirty >= tellEvery || lines.idle()) {
			if err := f.tell(ctx, true); err != nil {
				return heard, err
			}
		}
	}
}

// instance is whose numbers and seals are read.
func (f *Follower) instance() string {
	if f.reader == nil {
		return f.at.Instance
	}
	return f.reader.Instance()
}

// again tells errors of the way there, which may be over later, from what will not change.
func again(err error) error {
	if errors.Is(err, client.ErrForeignHost) || errors.Is(err, client.ErrOtherOperator) {
		return err
	}
	return againError{err}
}

// refused is an answer that is none: what the instance says about itself may change.
func refused(response *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return againError{err}
	}
	answer := &client.AnswerError{Status: response.StatusCode, Body: raw}
	if response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTemporaryRedirect {
		return againError{answer}
	}
	return answer
}

func (f *Follower) path(end string) string { return "/v1/feed/mailboxes/" + f.at.Mailbox + end }

// line takes one line in.
func (f *Follower) line(ctx context.Context, raw []byte) error {
	l, n, err := ParseLine(raw)
	switch {
	case err != nil:
		return err
	case l.Begin != nil:
		return f.begin(ctx, *l.Begin)
	case l.End != nil && l.End.Code == EndCollected:
		return fmt.Errorf("%w: %s", ErrCollected, l.End.Message)
	case l.End != nil:
		return againError{fmt.Errorf("the instance ends the stream: %s", l.End.Message)}
	case f.at.Keys == nil:
		return fmt.Errorf("mailbox: %w: the stream does not say what it is", feed.ErrMalformed)
	case n.Handover != nil:
		return f.handover(ctx, *n.Handover)
	case n.Delivered != nil:
		return f.entry(ctx, n.Delivered.Entry, n.Delivered.Payload)
	default:
		return f.seal(ctx, *n.Seal, n.Subscriptions)
	}
}

// begin learns which instance has the mailbox, and its key.
func (f *Follower) begin(ctx context.Context, b Begin) error {
	if b.Mailbox != f.at.Mailbox || feed.CheckName(b.Instance) != nil {
		return fmt.Errorf("mailbox: %w: it is %.40q of %.40q", feed.ErrMalformed, b.Mailbox, b.Instance)
	}
	if err := f.know(ctx, b.Instance); err != nil {
		return err
	}
	if !f.known {
		f.at.Instance, f.at.Number, f.known = b.Instance, b.Number, true
		if f.cfg.Acknowledge { // a subscriber that lost its place goes on where it said it was
			f.at.Delivered, f.told, f.again = b.Acknowledged, b.Acknowledged, b.Acknowledged
		}
	}
	return nil
}

// know has an instance's key, or asks for it.
func (f *Follower) know(ctx context.Context, instance string) error {
	if f.ring[instance] == nil {
		if err := f.fetchKeys(ctx); err != nil {
			return err
		}
	}
	if f.ring[instance] == nil {
		return fmt.Errorf("%s: %w", instance, feed.ErrUnknownInstance)
	}
	return nil
}

// first makes the reader, with the first thing that is read.
func (f *Follower) first(head feed.Hash) error {
	if f.reader != nil {
		return nil
	}
	f.at.Head = head
	if err := f.shelf.open(f.at); err != nil {
		return fmt.Errorf("make the subscriber's directory: %w", err)
	}
	return f.resume(nil)
}

func (f *Follower) entry(ctx context.Context, e feed.Entry, payload []byte) error {
	if err := f.first(e.Previous); err != nil {
		return err
	}
	wrong := f.reader.Entry(e, payload)
	if wrong != nil && !errors.Is(wrong, feed.ErrPayload) {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, wrong)
	}
	d := Delivery{Instance: f.reader.Instance(), Entry: e, Payload: payload, Wrong: wrong, Again: e.Number <= f.again}
	if wrong != nil || e.Gap != nil {
		d.Payload = nil
	}
	if e.Number <= f.at.Delivered && (!d.Again || !f.cfg.Again) {
		return nil
	}
	if err := f.cfg.Deliver(ctx, d); err != nil {
		return err
	}
	f.at.Delivered = max(f.at.Delivered, e.Number)
	f.dirty++
	return nil
}

func (f *Follower) seal(ctx context.Context, s feed.Seal, subs *feed.Subscriptions) error {
	var head feed.Hash
	if h, named := s.HeadOf(f.at.Mailbox); named && h.Number == f.at.Number {
		head = h.Chain
	}
	if err := f.first(head); err != nil {
		return err
	}
	blames, err := f.reader.Seal(s, subs)
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, err)
	}
	// Epochs first, then the place that says they are there: what a crash leaves over is read again.
	if err := f.shelf.keep(f.at, f.reader.Kept()); err != nil {
		return fmt.Errorf("keep epoch %d: %w", s.Epoch, err)
	}
	if f.reader.Settled() {
		f.at.stand(f.reader.At())
		if err := f.write(); err != nil {
			return err
		}
	}
	if f.cfg.Sealed == nil {
		return nil
	}
	return f.cfg.Sealed(ctx, s, blames)
}

// handover goes on with the instance that has the mailbox now. Nothing is open then: one can begin here.
func (f *Follower) handover(ctx context.Context, h feed.Handover) error {
	if err := f.know(ctx, h.To); err != nil {
		return err
	}
	if err := f.first(feed.Hash{}); err != nil {
		return err
	}
	was := f.reader.Instance()
	if err := f.reader.Handover(h); err != nil {
		return fmt.Errorf("mailbox %s: %w", f.at.Mailbox, err)
	}
	if f.reader.Instance() == was {
		return nil
	}
	f.cfg.Logger.Info("Mailbox goes on at another instance", "mailbox", f.at.Mailbox, "from", was, "to", h.To, "entry", uint64(h.Number))
	f.at.Instance, f.at.Moves = h.To, f.at.Moves+1
	f.at.stand(f.reader.At())
	if err := f.shelf.open(f.at); err != nil {
		return fmt.Errorf("make the subscriber's directory: %w", err)
	}
	return f.write()
}

func (f *Follower) write() error {
	if err := f.shelf.write(f.at); err != nil {
		return fmt.Errorf("write the subscriber's place: %w", err)
	}
	return nil
}

// tell writes down what was delivered, and acknowledges it if it is to be.
func (f *Follower) tell(ctx context.Context, acknowledge bool) error {
	if f.dirty > 0 && f.known && f.at.Keys != nil {
		if err := f.write(); err != nil {
			return err
		}
	}
	f.dirty = 0
	if !acknowledge || !f.cfg.Acknowledge || f.at.Delivered <= f.told {
		return nil
	}
	body := fmt.Appendf(nil, `{"number":%d}`, uint64(f.at.Delivered))
	response, err := f.cfg.Instances.Located(ctx, client.Request{Method: http.MethodPost, Path: f.path("/acknowledge"), Body: body})
	if err != nil { // the next one says it too
		f.cfg.Logger.Debug("Could not acknowledge what was delivered", "mailbox", f.at.Mailbox, "error", err)
		return nil
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		err := refused(response)
		if errors.As(err, new(againError)) {
			return nil
		}
		return fmt.Errorf("acknowledge entry %d: %w", f.at.Delivered, err)
	}
	f.told = f.at.Delivered
	return nil
}

// fetchKeys asks for the operator's list of keys, and believes it if it is the operator's and newer than the one known.
func (f *Follower) fetchKeys(ctx context.Context) error {
	response, err := f.cfg.Instances.Located(ctx, client.Request{Method: http.MethodGet, Path: "/v1/feed/keys"})
	if err != nil {
		return again(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		return refused(response)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, MaxKeys+1))
	if err != nil {
		return againError{err}
	}
	k, err := DecodeKeys(raw)
	if err != nil {
		return err
	}
	if f.at.Operator != (chain.Operator{}) && k.Operator != f.at.Operator {
		return fmt.Errorf("%w: it is %v's", ErrOtherOperator, k.Operator)
	}
	if f.at.Keys != nil && k.Issued.Before(f.at.Keys.Issued) {
		return nil
	}
	f.at.Operator, f.at.Keys = k.Operator, &k
	f.believe()
	return nil
}
