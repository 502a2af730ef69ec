package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	stdnet "net"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

// drawnWork is the cost of a password that was drawn with 130 bits: nobody guesses it, at whatever price.
const drawnWork = 10

func signerInitCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "prepare a signer: its directory, settings, certificate and password, and a place for key shares",
		Description: "What is there already is never overwritten. The password encrypts the key shares on the disk; without --password-file one is\n" +
			"drawn and kept beside them, where it only protects copies of the shares alone: keep it elsewhere, as docs/signer.md says.\n" +
			"What leaders propose the signer takes from its own mailboxes of the operator's feed, found by way of --node and verified by the word of\n" +
			"--operator. With --without-feed it takes the node's word instead.",
		Flags: []cli.Flag{
			signerDirFlag(),
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:9720", Usage: "the `ADDRESS` (host:port) at which the node reaches the signer"},
			&cli.StringFlag{Name: "password-file", Usage: "a `FILE` with the password, which its owner alone may read; it stays where it is"},
			&cli.StringFlag{Name: "id", Value: "signer-1", Usage: "what the node's configuration calls the signer, whose mailboxes are signer.`ID` and, at each instance, its name"},
			&cli.StringSliceFlag{Name: "node", Usage: "the `URL` of the node's API (http:// or https://, host and port); more than once for several instances"},
			&cli.StringFlag{Name: "operator", Usage: "the operator's `ADDRESS`, whose signature vouches for the instances and their keys"},
			&cli.StringFlag{Name: "token-file", Usage: "a `FILE` with the token that the node's API asks the signer for; one is drawn otherwise"},
			&cli.BoolFlag{Name: "without-feed", Usage: "take the node's word for what leaders propose"},
			jsonFlag(),
		},
		Action: initSigner,
	}
}

// preparedSigner is what "signer init" tells.
type preparedSigner struct {
	Dir         string `json:"dir"`
	Settings    string `json:"settings"`
	BackendID   string `json:"backend_id"`
	Fingerprint string `json:"fingerprint"` // of the certificate's key
	URL         string `json:"url"`
	Password    string `json:"password_file"`
	ID          string `json:"id"`
	Mailbox     string `json:"mailbox"`    // in the node's feed; empty if the node's word is taken
	Token       string `json:"token_file"` // of that; the node's has the same word
}

func initSigner(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	dir, err := signerDir(c)
	if err != nil {
		return err
	}
	url, err := signerURL(c.String("listen"))
	if err != nil {
		return err
	}
	feed, err := initFeed(c)
	if err != nil {
		return err
	}
	if err := makeEmpty(dir); err != nil {
		return err
	}
	p := preparedSigner{Dir: dir, Settings: filepath.Join(dir, daemon.SettingsFile), URL: url, ID: c.String("id"), Mailbox: feed.Mailbox}
	passwordFile, work, err := initPassword(c, dir)
	if err != nil {
		return err
	}
	if feed.Mode == daemon.FeedOn && feed.TokenFile == "" {
		feed.TokenFile = "feed-token"
		if err := create(filepath.Join(dir, feed.TokenFile), rand.Text()+rand.Text()+"\n"); err != nil {
			return fmt.Errorf("write a token: %w", err)
		}
	}
	fingerprint, err := daemon.MakeCertificate("walletnode signer", filepath.Join(dir, "signer.crt"), filepath.Join(dir, "signer.key"))
	if err != nil {
		return err
	}
	text := settingsText(c.String("listen"), passwordFile, feed)
	p.Fingerprint, p.Password = fingerprint.String(), absoluteIn(dir, passwordFile)
	if p.BackendID, err = initVault(c.Context, dir, text, work); err != nil {
		return err
	}
	// Last: a directory with settings is one that is complete.
	if err := create(p.Settings, text); err != nil {
		return err
	}
	if feed.TokenFile != "" {
		p.Token = absoluteIn(dir, feed.TokenFile)
	}
	return show(c, p, tellSigner)
}

// signerURL is where a node reaches a signer that listens at an address; of one that listens everywhere a person has to say the host.
func signerURL(listen string) (string, error) {
	host, port, err := stdnet.SplitHostPort(listen)
	if err != nil || port == "" {
		return "", usageErrorf("--listen: want a host and a port like 10.0.0.7:9720, have %q", listen)
	}
	if ip := stdnet.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "THIS-MACHINE"
	}
	return "https://" + stdnet.JoinHostPort(host, port), nil
}

// makeEmpty makes a directory that its owner alone may enter. One with anything in it stays as it is, and is an error.
func makeEmpty(dir string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return usageErrorf("%s: there already, and not empty; nothing was changed (--dir names another directory)", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the signer's directory: %w", err)
	}
	return os.Chmod(dir, 0o700) //nolint:gosec // a directory is entered
}

// initVault makes the vault that settings name, and returns the name that it has given itself. A guess at its password shall cost work; 0
// for what is usual.
func initVault(ctx context.Context, dir, text string, work int) (string, error) {
	settings, _, err := daemon.ParseSettings([]byte(text))
	if err != nil {
		return "", exit(codeUsage, err)
	}
	settings.Vault, settings.PasswordFile = filepath.Join(dir, settings.Vault), absoluteIn(dir, settings.PasswordFile)
	v, err := openVault(ctx, settings, work)
	if err != nil {
		return "", signerError(err)
	}
	health, err := v.Health(ctx)
	return health.BackendID, errors.Join(err, v.Close())
}

// initPassword returns the password's file as the settings name it, and what a guess shall cost.
func initPassword(c *cli.Context, dir string) (file string, work int, err error) {
	if given := c.String("password-file"); given != "" {
		return absolute(given), 0, nil
	}
	if err := create(filepath.Join(dir, "password"), rand.Text()+"\n"); err != nil {
		return "", 0, fmt.Errorf("write a password: %w", err)
	}
	return "password", drawnWork, nil
}

func absoluteIn(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// settingsText is the file that init writes.
func settingsText(listen, passwordFile string, feed daemon.FeedSettings) string {
	return fmt.Sprintf(`# The settings of a walletnode signer. docs/signer.md explains them. Paths may be relative to this file.

# Where the node reaches the signer. Its certificate must be listed below, and nobody else is answered.
listen = %q

# What the signer shows to the node, whose configuration pins it: [[signers]] fingerprint.
certificate = "signer.crt"
key = "signer.key"

# The key shares, and what keeps them from signing twice. One process at a time has the directory. It is never to be
# restored from a copy: what it has forgotten it could sign again.
vault = "vault"

# What the shares on the disk are encrypted with. Its owner alone may read the file.
password_file = %q

# The greatest number of keys; 0 for no limit.
capacity = 0

# The shortest regular time between two blocks of the chain. Windows that cannot have come yet are refused by it.
block_time = "12s"

# Who may ask: "walletnode signer client add" adds to the list, SIGHUP has it read again.
#   roles    read (list keys), sign, dkg (make new keys), admin (freeze keys and thaw them)
#   wallets  public key hashes, or "*" alone: every wallet. Who makes new keys needs "*".
%s`, listen, passwordFile, feedText(feed))
}

func tellSigner(w io.Writer, p preparedSigner) error {
	var out strings.Builder
	fmt.Fprintf(&out, "prepared %s\n", p.Dir)
	fmt.Fprintf(&out, "  %-12s the settings, each explained\n", daemon.SettingsFile)
	fmt.Fprintf(&out, "  %-12s the certificate, with signer.key; fingerprint %s\n", "signer.crt", p.Fingerprint)
	fmt.Fprintf(&out, "  %-12s the key shares, encrypted with the password in %s\n", "vault", p.Password)
	dir := shellWord(p.Dir)
	fmt.Fprintf(&out, "next:\n  1. on the node's machine: walletnode signer client new --out node-signer   (a certificate for the node)\n")
	fmt.Fprintf(&out, "  2. here: walletnode signer client add node --fingerprint THE-NODE'S --dir %s\n", dir)
	fmt.Fprintf(&out, "  3. here: walletnode signer run --dir %s\n", dir)
	fmt.Fprintf(&out, "  4. into the node's config.toml:\n\n[[signers]]\nid = %q\nurl = %q\nfingerprint = %q\n", p.ID, p.URL, p.Fingerprint)
	if p.Mailbox == "" {
		fmt.Fprintf(&out, "\nThe signer takes the node's word for what leaders propose (feed.mode is off).\n")
	} else {
		fmt.Fprintf(&out, "\n[[feed.subscribers]]\nname = %q\ntoken_file = \"THE-NODE'S-COPY-OF %s\"\nmailboxes = [%q]\nmay = [\"follow\", \"acknowledge\"]\n", p.ID, p.Token, p.Mailbox)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
