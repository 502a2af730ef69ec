package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdnet "net"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Config is how instances are reached. Only Bootstrap is required.
type Config struct {
	// Bootstrap are URLs of instances to begin with: scheme, host and port.
	Bootstrap []string
	// Operator is whose directories are believed. Without one the first valid directory that a bootstrap URL answers decides
	// for the life of the client; what that is worth is what TLS or the network on the way there is worth. Client.Operator
	// tells which it was, to be pinned from then on.
	Operator chain.Operator
	// Token is shown to the instances with each request; empty for none.
	Token string
	// Dial connects, if not directly: through a SOCKS5 proxy, say. Names are given to it unresolved.
	Dial func(ctx context.Context, network, address string) (stdnet.Conn, error)
	// TLS is used for https URLs; nil for the system's roots.
	TLS *tls.Config
	// Timeout is how long an instance may take to begin its answer, and then to send any more of it; 0 is DefaultTimeout.
	Timeout time.Duration
	// Silence is how long a stream of events may say nothing; 0 is DefaultSilence.
	Silence time.Duration
}

// Defaults and bounds of a Client.
const (
	DefaultTimeout = 10 * time.Second
	// DefaultSilence is three times what an instance lets pass between two signs of life.
	DefaultSilence = 45 * time.Second
	// MaxHops is how many redirects are followed in a row.
	MaxHops = 3

	maxBootstrap = 64
	// maxOwners is of how many wallets the owner is remembered; at the bound one is forgotten, and asked for anew.
	maxOwners = 16384
	// maxRedirect bounds the body of a redirect, in bytes.
	maxRedirect = 64 << 10
	// A client that waits for a wallet's new owner asks after firstPause, then after twice that, and so on up to lastPause.
	firstPause, lastPause = 250 * time.Millisecond, 2 * time.Second
	// maxRetryAfter bounds how long an instance can make a client wait between two questions.
	maxRetryAfter = 10 * time.Second
)

// places checks the configuration and returns where to begin.
func (c Config) places() ([]place, error) {
	if len(c.Bootstrap) == 0 || len(c.Bootstrap) > maxBootstrap {
		return nil, fmt.Errorf("bootstrap: want 1 to %d URLs, have %d", maxBootstrap, len(c.Bootstrap))
	}
	if c.Timeout < 0 || c.Silence < 0 {
		return nil, errors.New("a time is negative")
	}
	var list []place
	for _, text := range c.Bootstrap {
		o, err := originOf(text)
		if err != nil {
			return nil, fmt.Errorf("bootstrap: %w", err)
		}
		list = append(list, place{o})
	}
	return list, nil
}
