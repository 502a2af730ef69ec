package devnet

import (
	"context"
	"fmt"
	"log/slog"
	stdnet "net"
	"net/http"
	"os"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/remote"
	"github.com/walletnode/walletnode/internal/serve"
)

// office is where an operator's signers read their mailboxes: at its instances, or at its node in this process, whose API is there for
// nothing else.
type office struct {
	urls   []string
	listen string // host:port; empty of an operator with instances
	// between, unless it is nil, stands between the node and its signers, for tests.
	between func(http.Handler) http.Handler
}

// openOffice chooses where the operator's signers read.
func (o *operator) openOffice() error {
	if len(o.fleet) > 0 {
		o.office.urls = o.fleet.urls()
		return nil
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	o.office.listen = fmt.Sprintf("127.0.0.1:%d", port)
	o.office.urls = []string{"http://" + o.office.listen}
	return os.WriteFile(o.tokenFile(), []byte(newToken()+"\n"), 0o600)
}

// reception is the part of the node's configuration about it.
func (o *operator) reception() string {
	if o.office.listen == "" {
		return ""
	}
	return fmt.Sprintf("[api]\nlisten = %q\ntoken_file = %q\n\n", o.office.listen, o.tokenFile())
}

// open lets the signers of a node in this process read what it tells them, until ctx ends. The channel is closed then.
func (s office) open(ctx context.Context, n *node.Node, cfg config.Config, log *slog.Logger) (closed <-chan struct{}, err error) {
	done := make(chan struct{})
	if s.listen == "" {
		close(done)
		return done, nil
	}
	guard, err := remote.Guard(cfg)
	if err != nil {
		return nil, err
	}
	guard.Token = newToken() // which nobody knows: the devnet asks nodes in its process itself
	listener, err := api.Listen(ctx, s.listen, guard)
	if err != nil {
		return nil, err
	}
	handler := (&api.Server{Feeds: n.Feeds(), Logger: log, Guard: guard}).Handler()
	if s.between != nil {
		handler = s.between(handler)
	}
	requests, end := context.WithCancel(context.WithoutCancel(ctx))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: callTimeout, BaseContext: func(stdnet.Listener) context.Context { return requests }}
	server.RegisterOnShutdown(end) // who follows a mailbox leaves at once
	go func() {
		defer close(done)
		defer end()
		if err := serve.Until(ctx, server, listener); err != nil {
			log.Error("The signers are not served any more", "error", err)
		}
	}()
	return done, nil
}
