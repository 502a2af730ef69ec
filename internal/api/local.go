package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/url"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/serve"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// maxEvent is the longest line of a watcher, in bytes: an event of a wallet with 255 faults has 50 kB.
const maxEvent = 1 << 20

// local is the way to a node of this machine.
type local struct {
	http    *http.Client
	address string
}

func newLocal(address string) (local, error) {
	network, target, err := split(address)
	if err != nil {
		return local{}, err
	}
	if network == "tcp" && !serve.Loopback(target) {
		return local{}, fmt.Errorf("%s is no loopback address: instances on other machines are reached through cluster.bootstrap", address)
	}
	dialer := stdnet.Dialer{Timeout: 5 * time.Second}
	return local{address: address, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (stdnet.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, target)
			if err != nil {
				return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, address, err)
			}
			return conn, nil
		},
		ResponseHeaderTimeout: serve.WriteTimeout,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Any implements way.
func (l local) Any(ctx context.Context, r client.Request) (*http.Response, error) {
	target := "http://localhost" + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if r.Body != nil {
		request.Header.Set("Content-Type", mediaJSON)
	}
	response, err := l.http.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // the URL says localhost, which would mislead
		}
		var network stdnet.Error
		if !errors.Is(err, ErrUnreachable) && errors.As(err, &network) && network.Timeout() {
			err = fmt.Errorf("%w at %s: %w", ErrSilent, l.address, err)
		}
		return nil, err
	}
	return response, nil
}

// Wallet implements way: this node is asked, whoever serves the wallet.
func (l local) Wallet(ctx context.Context, _ chain.WalletID, r client.Request) (*http.Response, error) {
	return l.Any(ctx, r)
}

// Located implements way: another instance cannot be reached through this node.
func (l local) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	response, err := l.Any(ctx, r)
	if err != nil || response.StatusCode != http.StatusTemporaryRedirect {
		return response, err
	}
	var home view.MailboxHome
	if err := readDocument(response, &home, http.StatusTemporaryRedirect); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %s, and cluster.bootstrap, which leads there, is not set", errElsewhere, home.Owner)
}

// Watch implements way. What ends the stream is an error: there is no other node to go on with.
func (l local) Watch(ctx context.Context, path string, see func(client.Update) error) error {
	response, err := l.Any(ctx, client.Request{Method: http.MethodGet, Path: path})
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
		return errors.Join(&client.AnswerError{Status: response.StatusCode, Body: raw}, err)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue // a sign of life
		}
		if err := see(client.Update{Line: lines.Bytes()}); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the node no longer answers: %w", err)
	}
	return errors.New("the node has ended the account: it stops, or we were too slow")
}
