package mailbox

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// onlyOne has one mailbox, and answers for others that they are elsewhere, where nobody is.
type onlyOne struct {
	*estate
	own string
}

func (a onlyOne) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	if r.Stream && !strings.HasSuffix(r.Path, "."+a.own) {
		return nil, client.ErrForeignHost
	}
	return a.Instance(ctx, a.own, r)
}

// A node that is alone, and had more than 16 instances before, of other names, one after the other: its own is followed some day.
func TestANodeThatIsAloneAmongManyNamesOfBeforeIsFollowed(t *testing.T) {
	names := make([]string, 2*maxReaders+1)
	for n := range names {
		names[n] = fmt.Sprintf("i%02d", n)
	}
	inherited(t, names, func(t *testing.T, e *estate) {
		e.mu.Lock()
		e.alone = true
		e.mu.Unlock()
		own := names[len(names)-1]
		for _, n := range names[:len(names)-1] {
			e.kill(n)
		}
		e.mu.Lock()
		e.listed = []string{own}
		e.mu.Unlock()
		r, err := NewReaders(ReadersConfig{
			Instances: onlyOne{e, own}, Mailbox: "signer.one", Operator: keysOf(e.t).Operator, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		stop := func() { cancel(); <-ended }
		time.Sleep(40 * time.Minute)
		synctest.Wait()
		require.Equal(t, signer.FeedFollows, r.Feed().State, r.Feed().Detail)
		stop()
	})
}

// An instance that lies puts any number of messages, by authors that nobody knows, into the slot of one wallet's window. Who signs looks at each of
// them, each time it is asked.
func TestOneInstanceDoesNotFillASlot(t *testing.T) {
	inherited(t, []string{"a", "b"}, func(t *testing.T, e *estate) {
		r, stop := e.follow("")
		for n := range 300 {
			e.at["a"].tell(wallet(1), feed.KindProposal, statementBy(fmt.Sprint("nobody ", n), wallet(1), window, byte(n)))
		}
		good := statement(wallet(1), window, 1)
		e.at["b"].tell(wallet(1), feed.KindProposal, good)
		list, _, err := r.Statements(wallet(1), window)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list), maxOfSlot+1)
		require.Contains(t, list, good)
		stop()
	})
}
