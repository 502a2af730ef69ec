package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	stdnet "net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/net/netutil"

	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/internal/serve"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

const (
	// leastToken is how many characters a token of subscribers has at least: nobody guesses it.
	leastToken = 16
	maxPeers   = 32 // that one subscriber compares with
	maxCA      = 1 << 20
	// maxComparing are connections of other subscribers that are open at once; further ones wait. Who connects has shown no token yet, and
	// asks within 10 s or is cut off; of one address there are at most comparingEach, further ones are closed.
	maxComparing, comparingEach = 64, 8
)

// peerFlags are how other subscribers are reached.
func peerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "peer-token", Usage: "what subscribers who compare show each other stands in this `FILE`"},
		&cli.StringFlag{Name: "peer-ca", Usage: "believe the certificates of other subscribers that are signed by those in this `FILE` (PEM), and no others"},
	}
}

// peerToken reads the token; none is empty.
func peerToken(c *cli.Context) (string, error) {
	file := c.String("peer-token")
	if file == "" {
		return "", nil
	}
	raw, err := secretfile.Read("token of subscribers", file, maxToken)
	if err != nil {
		return "", usageErrorf("--peer-token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if len(token) < leastToken || strings.ContainsAny(token, "\r\n") {
		return "", usageErrorf("--peer-token: want one line of %d characters or more", leastToken)
	}
	return token, nil
}

// feedPeers are the subscribers to compare with: at a URL, or in a directory or file.
func feedPeers(c *cli.Context, names []string) (list []feedclient.Other, _ error) {
	if len(names) > maxPeers {
		return nil, usageErrorf("compare with at most %d subscribers, not %d", maxPeers, len(names))
	}
	token, err := peerToken(c)
	if err != nil {
		return nil, err
	}
	via, err := peerClient(c.String("peer-ca"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !isURL(name) {
			other, err := localOther(c, name)
			if err != nil {
				return nil, exit(codeUnusable, err)
			}
			list = append(list, other)
			continue
		}
		p, err := feedclient.NewPeer(name, token, via)
		if err != nil {
			return nil, exit(codeUsage, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }

// peerClient believes certificates of a file alone; without one those that the system does, which is nil.
func peerClient(file string) (*http.Client, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // none is the peer's own
	}
	raw, _, err := secretfile.ReadAny("certificates of subscribers", file, maxCA)
	if err != nil {
		return nil, usageErrorf("--peer-ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, usageErrorf("--peer-ca: %s: no certificate (PEM) in it", file)
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// counter is where a follower answers other subscribers; the zero value answers nobody.
type counter struct {
	listener stdnet.Listener
	token    string
}

// openCounter listens where --serve says. A token leaves this machine over TLS alone.
func openCounter(c *cli.Context) (k counter, err error) {
	address := c.String("serve")
	if address == "" {
		return k, nil
	}
	if k.token, err = peerToken(c); err != nil {
		return k, err
	}
	if k.token == "" {
		return k, usageErrorf("--serve needs --peer-token FILE: others show what stands in it")
	}
	cert, key := c.String("serve-cert"), c.String("serve-key")
	if (cert == "") != (key == "") || cert == "" && !serve.Loopback(address) {
		return k, usageErrorf("--serve %s needs --serve-cert and --serve-key: a token is sent to other machines over TLS alone", address)
	}
	if k.listener, err = stdnet.Listen("tcp", address); err != nil {
		return k, fmt.Errorf("--serve: %w", err)
	}
	k.listener = netutil.LimitListener(&fewEach{Listener: k.listener, most: comparingEach, of: map[string]int{}}, maxComparing)
	if cert == "" {
		fmt.Fprintf(c.App.ErrWriter, "walletnode: other subscribers are answered at http://%v\n", k.listener.Addr()) //nolint:errcheck // a hint
		return k, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		k.close()
		return k, usageErrorf("--serve-cert: %w", err)
	}
	fmt.Fprintf(c.App.ErrWriter, "walletnode: other subscribers are answered at https://%v\n", k.listener.Addr()) //nolint:errcheck // a hint
	k.listener = tls.NewListener(k.listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13})
	return k, nil
}

func (k counter) close() {
	if k.listener != nil {
		_ = k.listener.Close() // Until closes it too
	}
}

// beside runs a follower, and answers others meanwhile.
func (k counter) beside(ctx context.Context, f *feedclient.Follower) error {
	if k.listener == nil {
		return f.Run(ctx)
	}
	server := &http.Server{
		Handler: f.Serve(k.token), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0), // a client's trouble is its own
	}
	return endedFirst(ctx, f.Run, func(ctx context.Context) error {
		if err := serve.Until(ctx, server, k.listener); err != nil && !errors.Is(err, os.ErrClosed) {
			return fmt.Errorf("answer other subscribers: %w", err)
		}
		return nil
	})
}

// fewEach closes what comes from an address of which so many connections are open: one machine takes not all of them.
type fewEach struct {
	stdnet.Listener
	most int

	mu sync.Mutex
	of map[string]int // open, by address
}

// Accept implements net.Listener.
func (l *fewEach) Accept() (stdnet.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := c.RemoteAddr().String()
		if host, _, err := stdnet.SplitHostPort(from); err == nil {
			from = host
		}
		if l.add(from, 1) {
			return &counted{c, sync.OnceFunc(func() { l.add(from, -1) })}, nil
		}
		_ = c.Close() // it was told nothing
	}
}

// add counts a connection, and is whether there is room for it.
func (l *fewEach) add(from string, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > 0 && l.of[from] >= l.most {
		return false
	}
	if l.of[from] += n; l.of[from] == 0 {
		delete(l.of, from)
	}
	return true
}

// counted is a connection that says when it is closed.
type counted struct {
	stdnet.Conn
	left func() // but once: a connection is closed by who reads it and by who writes
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.left()
	return c.Conn.Close()
}
