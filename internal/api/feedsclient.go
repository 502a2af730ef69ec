package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// Located implements feedclient.Instances: it asks for what one instance alone has.
func (c *Client) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	return c.way.Located(ctx, r)
}

// Explained says in a node's own words why it refused a subscriber, if that is what an error is.
func Explained(err error) error {
	var refused *client.AnswerError
	if errors.As(err, &refused) {
		return decodeProblem(refused.Status, refused.Body)
	}
	return err
}

// ExportMailbox asks for the sealed epochs of a mailbox that are kept.
func (c *Client) ExportMailbox(ctx context.Context, mailbox string) ([]byte, error) {
	response, err := c.way.Located(ctx, client.Request{Method: http.MethodGet, Path: "/v1/feed/mailboxes/" + url.PathEscape(mailbox) + "/export"})
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, readDocument(response, nil)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(io.LimitReader(response.Body, feed.MaxExport+1))
	if err == nil && len(raw) > feed.MaxExport {
		err = fmt.Errorf("the export is larger than %d bytes: follow the mailbox with --state instead", feed.MaxExport)
	}
	return raw, err
}

// Mailboxes asks for the mailboxes of the feed.
func (c *Client) Mailboxes(ctx context.Context) (view.Mailboxes, error) {
	return get[view.Mailboxes](ctx, c, "/v1/feed/mailboxes", nil)
}

// FeedKeys asks for the keys that instances sign their feeds with. Whose list it is is the caller's question.
func (c *Client) FeedKeys(ctx context.Context) (feedclient.Keys, error) {
	k, err := get[feedclient.Keys](ctx, c, "/v1/feed/keys", nil)
	if err == nil {
		err = k.Verify()
	}
	return k, err
}

// FeedHeads asks what is left of an instance's sealed epochs, of one and later ones; empty: of the instance that answers.
func (c *Client) FeedHeads(ctx context.Context, instance string, from feed.Epoch) (view.FeedHeads, error) {
	q := url.Values{"from": {fmt.Sprint(from)}}
	if instance != "" {
		q.Set("instance", instance)
	}
	return get[view.FeedHeads](ctx, c, "/v1/feed/heads", q)
}

// MoveMailbox has a mailbox go on at another instance.
func (c *Client) MoveMailbox(ctx context.Context, mailbox, to string) (move view.MailboxMove, err error) {
	raw, err := marshal(MoveWish{to})
	if err != nil {
		return move, err
	}
	return move, c.ask(ctx, http.MethodPost, "/v1/feed/mailboxes/"+url.PathEscape(mailbox)+"/move", nil, raw, &move)
}
