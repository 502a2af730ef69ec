package node

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// drawnWork is what scrypt costs (binary logarithm) where the embedded signer's password was drawn at random: nobody guesses it,
// so that it need not be slow.
const drawnWork = 10

// signingConfig translates where key shares are; nil if there is no signer. The embedded one's password is drawn at its first
// start, unless the operator has one.
func signingConfig(c config.Config) (*SigningConfig, error) {
	if len(c.Signers) == 0 && !c.HasEmbeddedSigner() {
		return nil, nil
	}
	s := &SigningConfig{Policy: placement.Policy(c.Signing.Placement), Transactions: c.TransactionsDir()}
	for _, one := range c.Signers {
		state, err := placement.ParseState(one.State)
		if err != nil {
			return nil, err
		}
		fingerprint, err := daemon.ParseFingerprint(one.Fingerprint)
		if err != nil {
			return nil, fmt.Errorf("signer %s: %w", one.ID, err)
		}
		s.Backends = append(s.Backends, SignerConfig{
			placement.Spec{ID: one.ID, Weight: one.Weight, State: state, Where: one.URL},
			daemon.Config{
				URL: one.URL, BackupURL: one.BackupURL, Fingerprint: fingerprint,
				Certificate: c.Signing.ClientCertFile, Key: c.Signing.ClientKeyFile, Proxy: c.Network.Proxy,
				Health: c.Signing.TimeoutHealth, Sign: c.Signing.TimeoutSign, Generate: c.Signing.TimeoutGenerate,
			},
		})
	}
	if !c.HasEmbeddedSigner() {
		return s, nil
	}
	var err error
	if s.EmbeddedState, err = placement.ParseState(c.EmbeddedState()); err != nil {
		return nil, err
	}
	s.Embedded = &vault.Config{
		Dir: c.SignerDir(), PasswordFile: c.SignerPasswordFile(), Version: version(), Capacity: c.Signing.Capacity, BlockTime: ethereumBlockTime,
	}
	if c.Signing.PasswordFile != "" {
		return s, nil
	}
	s.Embedded.Work = drawnWork
	return s, drawPassword(s.Embedded.PasswordFile)
}

// drawPassword writes a random password into a file that only its owner may read, unless there is one. It appears whole: half
// a password would lock the shares away.
func drawPassword(file string) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the signer's directory: %w", err)
	}
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	draft, err := os.CreateTemp(dir, "password-*") // for its owner alone
	if err != nil {
		return fmt.Errorf("write the signer's password: %w", err)
	}
	_, err = draft.WriteString(rand.Text() + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err == nil {
		err = os.Link(draft.Name(), file) // which replaces none that was made meanwhile
	}
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	if err := errors.Join(err, os.Remove(draft.Name())); err != nil {
		return fmt.Errorf("write the signer's password: %w", err)
	}
	return nil
}
