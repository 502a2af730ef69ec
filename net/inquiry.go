package net

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/walletnode/walletnode/chain"
)

// Inquiry is one kind of question that operators put to each other, over streams of its own. The dialer opens a stream and asks
// one question after the other; both go in frames of a uvarint length and that many bytes. An answer begins with a byte: 0, or 1 if
// what follows is the reason why there is none. After a refusal the stream is over.
type Inquiry struct {
	Protocol protocol.ID
	// MaxRequest and MaxAnswer are the most bytes of a question and of an answer. Longer ones are refused unread.
	MaxRequest, MaxAnswer int
	// Answer answers a question of an operator who has proved itself. The text of an error is told to whoever asks. It must return
	// when ctx ends; it is called by several goroutines at once, and for one peer by one at a time.
	Answer func(ctx context.Context, by chain.Operator, request []byte) ([]byte, error)
}

// Bounds of a stream. Both sides hold a question and an answer at a time.
const (
	// inquiryBurst questions of one operator in a row, then inquiryRate a second: two whole comparisons, and one each minute.
	inquiryBurst = 128
	inquiryRate  = 1
	// questionPause is for how long the next question is waited for, and how long one may take to be read and answered;
	// inquiryTimeout ends the stream whatever is asked.
	questionPause  = 15 * time.Second
	inquiryTimeout = 2 * time.Minute
	// maxRefusal is the most bytes of a reason.
	maxRefusal = 300
)

const (
	answered byte = 0
	refused  byte = 1
)

// ErrOutOfReach says that no instance of an operator is connected and admitted. ErrDeclined says that one was asked and gave no
// answer but a reason, which is in the error's text.
var (
	ErrOutOfReach = errors.New("no instance of the operator is connected")
	ErrDeclined   = errors.New("the peer declined")
)

// inquiries are the kinds of questions that operators may put to us, and we to them: both sides of each stream. What it holds does not
// change; who asks at once, and how much, the table knows. Each stream of a peer has a goroutine of its own, which libp2p makes.
type inquiries struct {
	host  host.Host
	table *table
	kinds []Inquiry
	log   *slog.Logger
}

// Line is a stream on which an operator is asked. It is not safe for use by several goroutines. Whoever opened it closes it.
type Line struct {
	stream network.Stream
	r      *bufio.Reader
	most   Inquiry
}

// Inquire opens a line to one of an operator's instances that are connected, for an inquiry that both sides know
// (Deps.Inquiries). Errors are ErrOutOfReach if there is none, and what libp2p says otherwise.
func (h *Host) Inquire(ctx context.Context, name protocol.ID, of chain.Operator) (*Line, error) {
	return h.inquiries.open(ctx, name, of)
}

func (i *inquiries) open(ctx context.Context, name protocol.ID, of chain.Operator) (*Line, error) {
	kind := slices.IndexFunc(i.kinds, func(q Inquiry) bool { return q.Protocol == name })
	if kind < 0 {
		return nil, fmt.Errorf("inquire: nothing is known of %s here", name)
	}
	err := fmt.Errorf("inquire: %w: %v", ErrOutOfReach, of)
	for _, id := range i.table.instances(of, time.Now()) {
		s, failed := i.host.NewStream(network.WithNoDial(ctx, "inquiry"), id, name)
		if failed == nil {
			return &Line{s, bufio.NewReader(s), i.kinds[kind]}, nil
		}
		if err = fmt.Errorf("inquire: %w", failed); ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// Ask puts a question and returns the answer. After an error the line is of no use any more; ErrDeclined is one of them.
func (l *Line) Ask(ctx context.Context, request []byte) ([]byte, error) {
	if len(request) > l.most.MaxRequest {
		return nil, fmt.Errorf("ask: %d bytes are more than %d", len(request), l.most.MaxRequest)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.stream.Reset() })
	defer stop()
	err := writeFrame(l.stream, request)
	var data []byte
	if err == nil {
		data, err = readFrame(l.r, 1+max(l.most.MaxAnswer, maxRefusal))
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ask: %w", ctx.Err())
	case err != nil:
		_ = l.stream.Reset()
		return nil, fmt.Errorf("ask: %w", err)
	case len(data) > 0 && data[0] == answered:
		return data[1:], nil
	case len(data) > 0 && data[0] == refused:
		return nil, fmt.Errorf("ask: %w: %s", ErrDeclined, printable(data[1:]))
	}
	_ = l.stream.Reset()
	return nil, errors.New("ask: the peer's answer is neither one nor a refusal")
}

// Close ends the line.
func (l *Line) Close() { _ = l.stream.Close() }

// printable is a peer's text as it may stand in ours.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(text[:min(len(text), maxRefusal)]))
}

// asked is the listener's side, in a goroutine of the stream's own.
func (i *inquiries) asked(ctx context.Context, q Inquiry, s network.Stream) {
	id := s.Conn().RemotePeer()
	ctx, cancel := context.WithTimeout(ctx, inquiryTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = s.Reset() })()
	began := time.Now()
	by, why := i.table.beginInquiry(id, began)
	if why == "" {
		defer func() { i.table.endInquiry(id, by, began, time.Now()) }()
	}
	if err := i.answerAll(ctx, q, s, by, why); err != nil {
		i.log.Debug("Questions of a peer ended", "protocol", q.Protocol, "peer", id, "operator", by, "error", err)
		_ = s.Reset()
		return
	}
	_ = s.Close()
}

// answerAll answers until the peer ends its side, or has been refused.
func (i *inquiries) answerAll(ctx context.Context, q Inquiry, s network.Stream, by chain.Operator, why string) error {
	slow := time.AfterFunc(questionPause, func() { _ = s.Reset() })
	defer slow.Stop()
	for r := bufio.NewReader(s); ; slow.Reset(questionPause) {
		switch _, err := r.Peek(1); {
		case errors.Is(err, io.EOF):
			return nil // it has no more questions
		case err != nil:
			return fmt.Errorf("wait for a question: %w", err)
		}
		if why == "" && !i.table.mayInquire(by, time.Now()) {
			why = "too many questions: come again later"
		}
		if why != "" {
			return writeFrame(s, append([]byte{refused}, why...))
		}
		size, err := readSize(r, q.MaxRequest)
		if err != nil {
			return err
		}
		if !i.table.mayHold(s.Conn().RemotePeer(), by, size) {
			return writeFrame(s, append([]byte{refused}, crowded...))
		}
		request, err := readBody(r, size)
		if err != nil {
			return err
		}
		asked, cancel := context.WithTimeout(ctx, questionPause)
		answer, err := q.Answer(asked, by, request)
		cancel()
		if err == nil && len(answer) > q.MaxAnswer {
			err = fmt.Errorf("the answer would have %d bytes, more than %d", len(answer), q.MaxAnswer)
		}
		if err == nil && !i.table.mayHold(s.Conn().RemotePeer(), by, len(answer)) {
			err = errors.New(crowded)
		}
		if err != nil {
			why = printable([]byte(err.Error()))
			return writeFrame(s, append([]byte{refused}, why...))
		}
		if err := writeFrame(s, append([]byte{answered}, answer...)); err != nil {
			return err
		}
	}
}

// instances returns the connected, admitted peers of an operator; those first that have said they admit us.
func (t *table) instances(of chain.Operator, now time.Time) []peer.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sure, others []peer.ID
	for id, e := range t.peers {
		switch {
		case !e.admitted || of.IsZero() || e.proven(now) != of:
		case e.terms != nil && e.terms.Admitted:
			sure = append(sure, id)
		default:
			others = append(others, id)
		}
	}
	return append(sure, others...)
}
