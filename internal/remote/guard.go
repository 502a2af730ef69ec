package remote

import (
	"crypto/tls"
	"fmt"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
)

// Guard is who may ask a node at its configured address: the operator with its token, and subscribers of the feed with theirs.
func Guard(cfg config.Config) (api.Guard, error) {
	token, err := cfg.APIToken()
	if err != nil {
		return api.Guard{}, err
	}
	guard := api.Guard{Token: token, URLs: cfg.Cluster.URLs}
	for _, s := range cfg.Feed.Subscribers {
		word, err := cfg.SubscriberToken(s)
		if err != nil {
			return api.Guard{}, err
		}
		by := api.Subscriber{Name: s.Name, Token: word, Mailboxes: s.Mailboxes}
		for _, right := range s.May {
			by.May = append(by.May, api.Right(right))
		}
		guard.Subscribers = append(guard.Subscribers, by)
	}
	if cfg.API.TLSCertFile != "" {
		certificate, err := tls.LoadX509KeyPair(cfg.API.TLSCertFile, cfg.API.TLSKeyFile)
		if err != nil {
			return api.Guard{}, fmt.Errorf("read certificate of the API: %w", err)
		}
		guard.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	return guard, nil
}
