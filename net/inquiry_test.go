package net

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

const testInquiry = "/walletnode/test/1.0.0"

type answerer func(ctx context.Context, by chain.Operator, request []byte) ([]byte, error)

// echo answers with who asked and what.
func echo(_ context.Context, by chain.Operator, request []byte) ([]byte, error) {
	return fmt.Appendf(nil, "%v %s", by == operator(1), request), nil
}

// asked adds a node that answers.
func (c *cluster) asked(op byte, answer answerer) *member {
	c.t.Helper()
	clock := newHeights(900)
	deps := testDeps(clock.Height)
	deps.Inquiries = []Inquiry{{Protocol: testInquiry, MaxRequest: 1000, MaxAnswer: 1000, Answer: answer}}
	return c.run(c.bareHost(instanceKey(c.t, c.n+1)), testConfig(op), deps, clock)
}

// pair is two operators of one topic.
func (c *cluster) pair(answer answerer) (a, b *member) {
	c.t.Helper()
	a, b = c.asked(1, echo), c.asked(2, answer)
	for _, m := range []*member{a, b} {
		_, err := m.OpenTopic(testTopic(1, 2))
		require.NoError(c.t, err)
	}
	c.connect(a.lh, b.lh)
	c.settle()
	return a, b
}

// rawStream opens a stream as anybody may.
func rawStream(t *testing.T, from, to host.Host) network.Stream {
	t.Helper()
	s, err := from.NewStream(t.Context(), to.ID(), testInquiry)
	require.NoError(t, err)
	return s
}

func TestOperatorsAreAskedAndKnowWhoAsks(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, _ := c.pair(echo)
		line, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		defer line.Close()
		for _, question := range []string{"first", "second", strings.Repeat("x", 990)} {
			got, err := line.Ask(t.Context(), []byte(question))
			require.NoError(t, err)
			require.Equal(t, "true "+question, string(got))
		}
		_, err = line.Ask(t.Context(), make([]byte, 1001))
		require.ErrorContains(t, err, "more than 1000")

		_, err = a.Inquire(t.Context(), testInquiry, operator(3))
		require.ErrorIs(t, err, ErrOutOfReach)
		_, err = a.Inquire(t.Context(), "/walletnode/other/1.0.0", operator(2))
		require.ErrorContains(t, err, "nothing is known")
	})
}

func TestARefusalIsToldAsPrintableText(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, _ := c.pair(func(context.Context, chain.Operator, []byte) ([]byte, error) {
			return nil, errors.New("no\n\x1b[31m" + strings.Repeat("y", 1000))
		})
		line, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		defer line.Close()
		_, err = line.Ask(t.Context(), []byte("?"))
		require.ErrorIs(t, err, ErrDeclined)
		require.ErrorContains(t, err, "no??[31myyy")
		require.Less(t, len(err.Error()), 400)
	})
}

// Neither side waits for the other for ever: not for an answer, not for a question.
func TestASilentPeerIsCutOff(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, b := c.pair(func(ctx context.Context, _ chain.Operator, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		line, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = line.Ask(ctx, []byte("?"))
		require.ErrorIs(t, err, context.DeadlineExceeded)

		time.Sleep(questionPause) // b has given up the answer by then
		idle := rawStream(t, a.lh, b.lh)
		synctest.Wait()
		_, err = idle.Write([]byte{200}) // a part of a length, and nothing more
		require.NoError(t, err)
		time.Sleep(questionPause + time.Second)
		synctest.Wait()
		_, err = idle.Read(make([]byte, 1))
		require.Error(t, err, "it was reset")
		require.Empty(t, b.table.inquirers.streams)
	})
}

func TestInquirersAreFewAtATimeAndAskSoMuch(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		var answers atomic.Int64
		a, b := c.pair(func(context.Context, chain.Operator, []byte) ([]byte, error) {
			answers.Add(1)
			return nil, nil
		})
		first, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		_, err = first.Ask(t.Context(), nil)
		require.NoError(t, err)
		second, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		_, err = second.Ask(t.Context(), nil)
		require.ErrorIs(t, err, ErrDeclined, "one stream of a peer at a time")
		require.ErrorContains(t, err, "come again later")
		for err = nil; err == nil; {
			_, err = first.Ask(t.Context(), nil)
		}
		require.ErrorContains(t, err, "too many questions")
		require.EqualValues(t, inquiryBurst, answers.Load())
		synctest.Wait()
		require.Empty(t, b.table.inquirers.streams, "the refused stream has ended")

		time.Sleep(10 * time.Second)
		again, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		defer again.Close()
		_, err = again.Ask(t.Context(), nil)
		require.NoError(t, err)
	})
}

func TestStrangersAreNotAnswered(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		_, b := c.pair(func(context.Context, chain.Operator, []byte) ([]byte, error) {
			t.Error("a stranger was answered")
			return nil, nil
		})
		stranger := c.bareHost(instanceKey(t, 77))
		c.connect(stranger, b.lh)
		s := rawStream(t, stranger, b.lh)
		require.NoError(t, writeFrame(s, []byte("?")))
		data, err := readFrame(bufio.NewReader(s), maxRefusal)
		require.NoError(t, err)
		require.Equal(t, refused, data[0])
		require.Contains(t, string(data), "not known")
	})
}

// What a peer claims to send is refused before anything of it is read; so is an answer that is longer than agreed.
func TestLongQuestionsAndAnswersAreRefused(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, b := c.pair(func(context.Context, chain.Operator, []byte) ([]byte, error) { return make([]byte, 1001), nil })
		line, err := a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		_, err = line.Ask(t.Context(), []byte("?"))
		require.ErrorIs(t, err, ErrDeclined)
		require.ErrorContains(t, err, "would have 1001 bytes")

		s := rawStream(t, a.lh, b.lh)
		require.NoError(t, writeFrame(s, make([]byte, 1001)))
		_, err = s.Read(make([]byte, 1))
		require.Error(t, err, "reset")

		b.lh.SetStreamHandler(testInquiry, func(s network.Stream) { // a peer of another make
			_, _ = s.Write(append([]byte{0xff, 0xff, 0x03}, bytes.Repeat([]byte{1}, 1000)...))
		})
		line, err = a.Inquire(t.Context(), testInquiry, operator(2))
		require.NoError(t, err)
		_, err = line.Ask(t.Context(), []byte("?"))
		require.ErrorContains(t, err, "more than 1001")
	})
}
