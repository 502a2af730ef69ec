package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
)

// FetchKeys asks an instance for the operator's list of keys, and verifies it. ErrOtherOperator if it is another one's; the zero operator is any.
func FetchKeys(ctx context.Context, instances Instances, operator chain.Operator) (Keys, error) {
	response, err := instances.Located(ctx, client.Request{Method: http.MethodGet, Path: "/v1/feed/keys"})
	if err != nil {
		return Keys{}, again(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		return Keys{}, refused(response)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, MaxKeys+1))
	if err != nil {
		return Keys{}, againError{fmt.Errorf("read the list of keys: %w", err)}
	}
	k, err := DecodeKeys(raw)
	if err == nil && !operator.IsZero() && k.Operator != operator {
		err = fmt.Errorf("%w: it is %v's", ErrOtherOperator, k.Operator)
	}
	return k, err
}

// fetchKeys asks for the list of keys, and believes it if it is not older than the one known.
func (f *Follower) fetchKeys(ctx context.Context) error {
	k, err := FetchKeys(ctx, f.cfg.Instances, f.at.Operator)
	if err != nil || f.at.Keys != nil && k.before(*f.at.Keys) {
		return err
	}
	f.mu.Lock()
	f.at.Operator, f.at.Keys = k.Operator, &k
	f.mu.Unlock()
	f.believe()
	return nil
}

// believe has the reader believe the list of keys.
func (f *Follower) believe() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ring == nil {
		f.ring = feed.Keyring{}
	}
	maps.Copy(f.ring, f.at.Keys.Ring())
}

// know has an instance's key, or asks for it.
func (f *Follower) know(ctx context.Context, instance string) error {
	if f.ring[instance] == nil {
		if err := f.fetchKeys(ctx); err != nil {
			return err
		}
	}
	if f.ring[instance] == nil {
		return fmt.Errorf("%s: %w", instance, feed.ErrUnknownInstance)
	}
	return nil
}

// renewed verifies, and once more with the newest list of keys if it is not by a key that is known: an instance that lost its disk goes
// on under its name with another one.
func (f *Follower) renewed(ctx context.Context, verify func() error) error {
	err := verify()
	if !errors.Is(err, feed.ErrSignature) {
		return err
	}
	was := f.at.Keys.Text()
	if wrong := f.fetchKeys(ctx); wrong != nil {
		return wrong
	}
	if f.at.Keys.Text() == was {
		return err
	}
	return verify()
}

// keyring is who is believed, as a copy.
func (f *Follower) keyring() feed.Keyring {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.ring)
}
