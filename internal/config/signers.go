package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/walletnode/walletnode/internal/secretfile"
)

// Signer is one signer backend ("enclave"), which holds key shares of this operator.
type Signer struct {
	// ID is what assignments, logs, metrics and commands call it. It stays for as long as the backend has wallets.
	ID string `toml:"id" validate:"required,label,ne=embedded"`
	// URL is where it is reached: https.
	URL string `toml:"url" validate:"required,signerurl"`
	// BackupURL is another way to the same backend; empty for none.
	BackupURL string `toml:"backup_url" validate:"omitempty,signerurl"`
	// Fingerprint is the SHA-256 of its public key (SPKI), 64 hex digits, as "walletnode signer init" prints it.
	Fingerprint string `toml:"fingerprint" validate:"required,fingerprint"`
	// Weight is its part of new wallets, beside the other backends' weights. 1 if it is not set.
	Weight int `toml:"weight" validate:"min=1,max=1000"`
	// State is active, retired (it gets no new wallets) or failed (it is asked for nothing). Active if it is not set; a
	// command can say otherwise later, on all instances.
	State string `toml:"state" validate:"oneof=active retired failed"`
}

// EmbeddedSigner is the id of the signer in the node's own process.
const EmbeddedSigner = "embedded"

// Signing is how wallets' key shares are kept and used.
type Signing struct {
	// Placement is how the backend of a new wallet is chosen: derived, least_loaded or random.
	Placement string `toml:"placement" validate:"oneof=derived least_loaded random"`
	// ClientCertFile and ClientKeyFile are PEM files by which the backends of Signers know this operator's nodes.
	ClientCertFile string `toml:"client_cert_file"`
	ClientKeyFile  string `toml:"client_key_file"`
	// TimeoutHealth, TimeoutSign and TimeoutGenerate bound one call to a backend.
	TimeoutHealth   time.Duration `toml:"timeout_health" validate:"min=100ms,max=10s"`
	TimeoutSign     time.Duration `toml:"timeout_sign" validate:"min=500ms,max=1m"`
	TimeoutGenerate time.Duration `toml:"timeout_generate" validate:"min=5s,max=10m"`
	// Embedded is whether there is a signer in this process: on, off, or auto, which is on where the database is this node's own
	// and either no Signers are configured or Dir has a signer already. See Config.HasEmbeddedSigner.
	Embedded string `toml:"embedded" validate:"oneof=auto on off"`
	// Dir is the embedded signer's directory; empty is signer in the data directory. See Config.SignerDir.
	Dir string `toml:"dir"`
	// PasswordFile holds the password that the embedded signer's shares are encrypted with; empty is password in its directory,
	// which is made, with a random one, at the first start. See Config.SignerPasswordFile.
	PasswordFile string `toml:"password_file"`
	// Capacity is the greatest number of wallets in the embedded signer; 0 is no limit.
	Capacity int `toml:"capacity" validate:"min=0,max=1000000"`
}

// Bitcoin is what the node knows of Bitcoin.
type Bitcoin struct {
	// Transactions is a directory of raw transactions, in which the one that funds a wallet is looked up; empty is
	// transactions in the data directory. See Config.TransactionsDir.
	Transactions string `toml:"transactions"`
}

func defaultSigning() Signing {
	return Signing{
		Placement: "derived", Embedded: "auto",
		// A round of a signature takes milliseconds, one of a key generation with a hundred seats some seconds.
		TimeoutHealth: time.Second, TimeoutSign: 5 * time.Second, TimeoutGenerate: time.Minute,
	}
}

// complete fills in what a signer leaves out. set reports whether a key of it was set.
func (s *Signer) complete(set func(key string) bool) {
	if !set("weight") {
		s.Weight = 1
	}
	s.State = cmp.Or(s.State, "active")
	s.Fingerprint = strings.ToLower(s.Fingerprint)
}

// HasEmbeddedSigner reports whether this process holds key shares itself. A signer that was embedded stays so beside those that
// are added later: wallets that were made in it have their shares nowhere else.
func (c Config) HasEmbeddedSigner() bool {
	return c.Signing.Embedded == "on" ||
		c.Signing.Embedded == "auto" && !c.Shared() && (len(c.Signers) == 0 || c.wasEmbedded())
}

// signerFile is the file in which a signer's directory holds its shares.
const signerFile = "vault.sqlite"

// wasEmbedded reports whether the embedded signer's directory has a signer. A file that cannot be looked at counts as one: it
// is better named when it is opened than left out.
func (c Config) wasEmbedded() bool {
	_, err := os.Stat(filepath.Join(c.SignerDir(), signerFile))
	return !errors.Is(err, os.ErrNotExist)
}

// EmbeddedState is what is said of the embedded signer, as Signer.State: one that is there for its old wallets alone, beside
// Signers and without being asked for, gets no new ones.
func (c Config) EmbeddedState() string {
	if c.Signing.Embedded == "auto" && len(c.Signers) > 0 {
		return "retired"
	}
	return "active"
}

// SignerDir returns the embedded signer's directory.
func (c Config) SignerDir() string {
	return cmp.Or(c.Signing.Dir, filepath.Join(c.Node.DataDir, "signer"))
}

// SignerPasswordFile returns the file of the embedded signer's password.
func (c Config) SignerPasswordFile() string {
	return cmp.Or(c.Signing.PasswordFile, filepath.Join(c.SignerDir(), "password"))
}

// TransactionsDir returns the directory in which Bitcoin transactions are looked up.
func (c Config) TransactionsDir() string {
	return cmp.Or(c.Bitcoin.Transactions, filepath.Join(c.Node.DataDir, "transactions"))
}

const signersKey = "signers"

// checkSigners are the rules of signers that need more than one key, or a file that one names.
func (c Config) checkSigners(broken Complaints) (wrong Complaints) {
	wrong = append(c.checkDistinct(), c.checkClientFiles()...)
	if c.Shared() && c.Signing.Embedded == "on" && !broken.names("signing.embedded") {
		wrong = append(wrong, c.complaint("signing.embedded",
			"an embedded signer cannot serve the instances that share a database: run \"walletnode signer\" and add it with [[signers]]"))
	}
	return wrong
}

// checkDistinct finds backends that are one: each would be taken for two.
func (c Config) checkDistinct() (wrong Complaints) {
	ids, prints, urls := map[string]string{}, map[string]string{}, map[string]string{}
	once := func(seen map[string]string, key, value, twice string) {
		switch first, there := seen[value]; {
		case value == "":
		case there:
			wrong = append(wrong, c.complaint(key, fmt.Sprintf(twice, first)))
		default:
			seen[value] = key
		}
	}
	for i, s := range c.Signers {
		item := itemKey(signersKey, i)
		once(ids, item+".id", s.ID, "the same id as %s: wallets are assigned to a signer by its id")
		once(prints, item+".fingerprint", s.Fingerprint, "the same key as %s: one signer cannot be two")
		once(urls, item+".url", sameURL(s.URL), "the same URL as %s")
		if s.BackupURL != "" {
			once(urls, item+".backup_url", sameURL(s.BackupURL), "the same URL as %s")
		}
	}
	return wrong
}

// maxPEM is the largest certificate or key read, in bytes: ten times what one takes.
const maxPEM = 64 << 10

// checkClientFiles demands what backends know the node by.
func (c Config) checkClientFiles() (wrong Complaints) {
	s := c.Signing
	switch {
	case s.ClientCertFile == "" && s.ClientKeyFile != "":
		wrong = append(wrong, c.complaint("signing.client_key_file", "set signing.client_cert_file as well: a key is of no use without its certificate"))
	case s.ClientCertFile != "" && s.ClientKeyFile == "":
		wrong = append(wrong, c.complaint("signing.client_cert_file", "set signing.client_key_file as well: a certificate is of no use without its key"))
	case s.ClientCertFile == "" && len(c.Signers) > 0:
		wrong = append(wrong, c.complaint("signing.client_cert_file",
			"there are [[signers]], which know a node by its certificate: set this and signing.client_key_file (\"walletnode signer client new\" makes both)"))
	}
	if s.ClientKeyFile != "" {
		if _, err := secretfile.Read("key of the signers' client", s.ClientKeyFile, maxPEM); err != nil {
			wrong = append(wrong, c.complaint("signing.client_key_file", err.Error()))
		}
	}
	return wrong
}

// noSigners is the state of an instance beside others without a signer backend.
const noSigners = "no_signers"

func (c Config) warnSigners() []Warning {
	if len(c.Signers) > 0 || c.HasEmbeddedSigner() {
		return nil
	}
	why := "no [[signers]], and no signer is embedded (signing.embedded): what is agreed is not signed (no_signer)"
	if c.Shared() {
		why = "no [[signers]], and instances that share a database embed none: what is agreed is not signed (no_signer)"
	}
	return []Warning{{noSigners, c.complaint(signersKey, why)}}
}

// checkSignerURL accepts what a signer backend is reached at.
func checkSignerURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("want the URL of a signer like https://enclave-1.example:9720, without a path")
	}
	return nil
}

// checkFingerprint accepts the SHA-256 of a public key.
func checkFingerprint(s string) error {
	odd := func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') && (r < 'A' || r > 'F') }
	if len(s) != 64 || strings.ContainsFunc(s, odd) {
		return errors.New("want 64 hex digits, as \"walletnode signer init\" prints them")
	}
	return nil
}
