package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/secretfile"
)

// Feed is what the node hands to signers and tools: mailboxes, and who may do what with them.
type Feed struct {
	// KeepEpochs is how many sealed windows are kept, and what was acknowledged of them.
	KeepEpochs int `toml:"keep_epochs" validate:"min=2,max=100000"`
	// MailboxEntries is how many entries of one mailbox may wait for their acknowledgement; beyond it the mailbox is closed with a gap.
	MailboxEntries int `toml:"mailbox_entries" validate:"min=64,max=1000000"`
	// Mailboxes are those beside the ones that are there by default: tools, and at each instance one of its live events, and one of each signer
	// backend, "signer.", its id, a dot and the instance's name.
	Mailboxes []Mailbox `toml:"mailboxes" validate:"max=128,dive"`
	// Subscribers are who may use mailboxes beside the operator, whose API.TokenFile may do everything.
	Subscribers []Subscriber `toml:"subscribers" validate:"max=64,dive"`
}

// Mailbox is one subscriber's place in the feed.
type Mailbox struct {
	// Name is 1 to 32 of a-z, 0-9, dot, dash and underscore. A name of a default one changes what that gets: tools, or "signer." and a backend's
	// id for what that has at every instance.
	Name string `toml:"name" validate:"required,mailbox"`
	// Wallets are those whose records it gets; none is all.
	Wallets []string `toml:"wallets" validate:"max=4096,dive,wallet"`
	// Kinds are what it gets; none is all.
	Kinds []string `toml:"kinds" validate:"unique,dive,oneof=proposal result fault action"`
}

// Subscriber is somebody with a token of his own.
type Subscriber struct {
	// Name is for logs.
	Name string `toml:"name" validate:"required,label"`
	// TokenFile holds his word, as API.TokenFile does the operator's. See Config.SubscriberToken.
	TokenFile string `toml:"token_file" validate:"required"`
	// Mailboxes are those he may use; "*" is all.
	Mailboxes []string `toml:"mailboxes" validate:"min=1,max=128,unique,dive,mailboxes"`
	// May is what he may do with them.
	May []string `toml:"may" validate:"min=1,unique,dive,oneof=follow acknowledge move"`
}

const (
	subscribersKey = "feed.subscribers"
	mailboxesKey   = "feed.mailboxes"
	// maxMailbox is the longest name of a mailbox, in bytes: it is a column of a table on a terminal.
	maxMailbox = 32
)

func defaultFeed() Feed {
	return Feed{KeepEpochs: 56, MailboxEntries: 1 << 16, Mailboxes: []Mailbox{}, Subscribers: []Subscriber{}} // a week
}

func checkMailbox(s string) error {
	odd := func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}
	if s == "" || len(s) > maxMailbox || strings.ContainsFunc(s, odd) {
		return fmt.Errorf("want 1 to %d of a-z, 0-9, dot, dash and underscore, have %q", maxMailbox, s)
	}
	return nil
}

// checkMailboxes accepts a mailbox's name, and what stands for all.
func checkMailboxes(s string) error {
	if s == "*" {
		return nil
	}
	return checkMailbox(s)
}

func checkWallet(s string) error {
	_, err := chain.ParseWalletID(s)
	return err
}

// SubscriberToken reads a subscriber's token file. Errors do not repeat what it holds.
func (c Config) SubscriberToken(s Subscriber) (string, error) {
	return readToken("token of subscriber "+s.Name, s.TokenFile)
}

// checkFeed are the rules of the feed that need more than one key, or a file.
func (c Config) checkFeed() (wrong Complaints) {
	names := map[string]bool{}
	for i, m := range c.Feed.Mailboxes {
		if names[m.Name] {
			wrong = append(wrong, c.complaint(itemKey(mailboxesKey, i)+".name", "there is a mailbox of this name already"))
		}
		names[m.Name] = true
	}
	tokens := map[string]bool{}
	if own, err := c.APIToken(); err == nil && own != "" {
		tokens[own] = true
	}
	for i, s := range c.Feed.Subscribers {
		token, err := c.SubscriberToken(s)
		if err == nil && tokens[token] {
			err = errors.New("the same token as the API's or another subscriber's: nobody could tell who asks")
		}
		if tokens[token] = true; err != nil {
			wrong = append(wrong, c.complaint(itemKey(subscribersKey, i)+".token_file", err.Error()))
		}
	}
	if len(c.Feed.Subscribers) > 0 && c.API.TokenFile == "" {
		wrong = append(wrong, c.complaint(subscribersKey, "set api.token_file: where no token is asked for, everybody is the operator"))
	}
	return wrong
}

// readToken reads a word that requests show.
func readToken(what, path string) (string, error) {
	data, err := secretfile.Read(what, path, maxTokenFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case strings.ContainsFunc(token, odd):
		return "", fmt.Errorf("the %s must be one word of printable ASCII characters", what)
	case len(token) < minToken:
		return "", fmt.Errorf(`the %s has fewer than 32 characters: make one with "openssl rand -hex 32"`, what)
	}
	return token, nil
}
