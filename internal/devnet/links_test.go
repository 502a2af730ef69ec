package devnet

import (
	"io"
	stdnet "net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
)

// echo answers every connection with what it says, until the test ends.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-done
	})
	return listener.Addr().String()
}

func call(t *testing.T, l *link) stdnet.Conn {
	t.Helper()
	conn, err := stdnet.Dial("tcp", l.listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	return conn
}

// says sends a word over a connection.
func says(t *testing.T, conn stdnet.Conn, word string) {
	t.Helper()
	_, err := conn.Write([]byte(word))
	require.NoError(t, err)
}

// hears waits for a word.
func hears(t *testing.T, conn stdnet.Conn, word string) {
	t.Helper()
	buffer := make([]byte, len(word))
	_, err := io.ReadFull(conn, buffer)
	require.NoError(t, err)
	require.Equal(t, word, string(buffer))
}

func TestACutLinkDropsWhatItCarriedAndKeepsCallersWaiting(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	l, err := newLink(chain.Operator{1}, chain.Operator{2}, echo(t))
	require.NoError(t, err)
	first := call(t, l)
	says(t, first, "one")
	hears(t, first, "one")

	l.sever()
	l.sever()
	_, err = first.Read(make([]byte, 1))
	require.Error(t, err, "what was connected is disconnected")

	waiting := call(t, l)
	says(t, waiting, "two")
	require.NoError(t, waiting.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = waiting.Read(make([]byte, 1))
	require.ErrorContains(t, err, "timeout", "nobody answers")
	require.NoError(t, waiting.SetReadDeadline(time.Now().Add(30*time.Second)))

	l.mend()
	hears(t, waiting, "two")
	says(t, call(t, l), "three")
	require.NoError(t, l.close())
	_, err = waiting.Read(make([]byte, 1))
	require.Error(t, err)
}

// A node that calls ever again while the link is cut takes no more than its share.
func TestALinkCarriesAndKeepsABoundedNumberOfCalls(t *testing.T) {
	l, err := newLink(chain.Operator{1}, chain.Operator{2}, echo(t))
	require.NoError(t, err)
	l.sever()
	for range 2 * maxCarried {
		call(t, l)
	}
	beyond := call(t, l)
	_, err = beyond.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "timeout", "closed at once")
	require.NoError(t, l.close())
}

func TestSidesAreTwoGroups(t *testing.T) {
	a, b, c, d := chain.Operator{1}, chain.Operator{2}, chain.Operator{3}, chain.Operator{4}
	s := sides{{a, b}, {c}}
	require.True(t, s.apart(a, c))
	require.True(t, s.apart(c, b))
	require.False(t, s.apart(a, b))
	require.False(t, s.apart(a, d), "who is on no side is apart from nobody")
	require.False(t, s.apart(d, a))
	require.Nil(t, s.of(d))
	wallet := newWorld(t, 1, 1).stage.elections[0].wallet
	ops := wallet.Operators()
	require.True(t, sides{ops[:2], ops[2:]}.company(ops[0], wallet))
	require.False(t, sides{ops[:1], ops[1:]}.company(ops[0], wallet))
	require.False(t, sides{{ops[0], {99}}, nil}.company(ops[0], wallet), "company is an operator of the wallet")
}
