package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/net/client"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/mailbox"
)

// maxToken bounds the file of a token, in bytes.
const maxToken = 4096

// letters are a signer's mailboxes, and the way there.
type letters struct {
	*mailbox.Readers
	way *client.Client
}

// Close ends the idle connections.
func (l *letters) Close() { l.way.Close() }

// openMailbox makes what follows the signer's mailboxes; nil if the settings say that there is none. It connects to nothing yet.
func openMailbox(s daemon.Settings, own daemon.Identity) (*letters, error) {
	if s.Feed.Mode == daemon.FeedOff {
		return nil, nil //nolint:nilnil // none is an answer
	}
	how := client.Config{Bootstrap: s.Feed.URLs, Operator: s.Feed.Operator}
	if file := s.Feed.TokenFile; file != "" {
		token, err := secretfile.Read("token of the feed", file, maxToken)
		if err != nil {
			return nil, err
		}
		how.Token = strings.TrimSpace(string(token))
	}
	if file := s.Feed.CAFile; file != "" {
		pem, err := os.ReadFile(file) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("feed.ca_file: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("feed.ca_file: %s holds no certificate", file)
		}
		how.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	way, err := client.New(how)
	if err != nil {
		return nil, secretfile.Unusable{Err: fmt.Errorf("feed.urls: %w", err)}
	}
	var peers []feedclient.Other
	for _, p := range s.Feed.Peers {
		address, via, err := p.Way(own)
		if err != nil {
			return nil, secretfile.Unusable{Err: err}
		}
		peer, err := feedclient.NewPeer(address, "", via)
		if err != nil {
			return nil, secretfile.Unusable{Err: err}
		}
		peers = append(peers, peer)
	}
	readers, err := mailbox.NewReaders(mailbox.ReadersConfig{
		Peers: peers, Instances: way, Mailbox: s.Feed.Mailbox, Operator: s.Feed.Operator, Dir: s.Feed.State, Logger: logger("signer"),
	})
	if err != nil {
		way.Close()
		return nil, secretfile.Unusable{Err: fmt.Errorf("feed: %w", err)}
	}
	return &letters{readers, way}, nil
}
