package main

import (
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

func signerCommand() *cli.Command {
	return group("signer", "a signer backend: the process that holds key shares and signs with them",
		signerInitCommand(),
		signerRunCommand(),
		group("keys", "the keys that the signer holds",
			&cli.Command{Name: "list", Usage: "list the keys, of the running signer or of its directory", Flags: []cli.Flag{signerDirFlag(), jsonFlag()}, Action: listSignerKeys},
		),
		group("protection", "what keeps the signer from signing twice",
			&cli.Command{
				Name: "show", Usage: "show what the signer remembers of a wallet, of the running signer or of its directory", ArgsUsage: "WALLET",
				Flags: []cli.Flag{signerDirFlag(), jsonFlag()}, Action: showProtection,
			},
		),
		signerExportCommand(),
		signerImportCommand(),
		signerClientCommand(),
	)
}

// signerDirFlag names a signer's directory.
func signerDirFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "dir", Value: "~/.walletnode-signer", EnvVars: []string{"WALLETNODE_SIGNER_DIR"},
		Usage: "the signer's `DIRECTORY`: its settings, certificate, password and key shares",
	}
}

// signerDir is the absolute path of the signer's directory.
func signerDir(c *cli.Context) (string, error) {
	dir := c.String("dir")
	if rest, ok := strings.CutPrefix(dir, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usageErrorf("--dir: %w", err)
		}
		dir = filepath.Join(home, rest)
	}
	if dir == "" {
		return "", usageErrorf("--dir: want a directory")
	}
	return filepath.Abs(dir)
}

// signerPasswordVariable names the password's file instead of the settings: where the service manager hands it over, the path
// is known only then.
const signerPasswordVariable = "WALLETNODE_SIGNER_PASSWORD_FILE"

// signerSettings reads the settings in the signer's directory.
func signerSettings(c *cli.Context) (daemon.Settings, daemon.Access, error) {
	dir, err := signerDir(c)
	if err != nil {
		return daemon.Settings{}, daemon.Access{}, err
	}
	settings, access, err := daemon.ReadSettings(filepath.Join(dir, daemon.SettingsFile))
	if file := os.Getenv(signerPasswordVariable); file != "" {
		settings.PasswordFile = absolute(file)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w (walletnode signer init makes it; --dir names another directory)", err)
	}
	return settings, access, signerError(err)
}

// embeddedFile is what a node's signer directory has, in which there are no settings: those are the node's.
const embeddedFile = "vault.sqlite"

// sharesSettings are the settings under which a command opens key shares: those of a signer, or of one that a node has in its own
// process, whose directory has no settings. Of the latter nobody listens.
func sharesSettings(c *cli.Context) (s daemon.Settings, listens bool, err error) {
	dir, err := signerDir(c)
	if err != nil {
		return s, false, err
	}
	_, missing := os.Lstat(filepath.Join(dir, daemon.SettingsFile))
	_, lacks := os.Lstat(filepath.Join(dir, embeddedFile))
	if !errors.Is(missing, os.ErrNotExist) || lacks != nil {
		s, _, err = signerSettings(c)
		return s, true, err
	}
	s = daemon.Settings{Vault: dir, PasswordFile: filepath.Join(dir, "password")}
	if file := os.Getenv(signerPasswordVariable); file != "" {
		s.PasswordFile = absolute(file)
	}
	return s, false, nil
}

// signerError gives errors of the signer's parts their exit codes.
func signerError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, vault.ErrLocked):
		return exit(codeInUse, err)
	case errors.Is(err, signer.ErrUnknownKey):
		return exit(codeNotFound, err)
	case errors.Is(err, daemon.ErrUnreachable):
		return exit(codeUnreachable, err)
	case errors.Is(err, vault.ErrPassword), errors.Is(err, signer.ErrMalformed), errors.Is(err, signer.ErrForbidden), errors.As(err, new(secretfile.Unusable)):
		return exit(codeUsage, err)
	}
	return err
}

// openVault opens the signer's key shares. work is the logarithm of a password's cost, for what is encrypted anew; 0 for
// the standard one.
func openVault(ctx context.Context, s daemon.Settings, work int) (*vault.Vault, error) {
	cfg := vaultConfig(s)
	cfg.Work = work
	return vault.Open(ctx, cfg)
}

// vaultConfig is what the settings say of the key shares.
func vaultConfig(s daemon.Settings) vault.Config {
	return vault.Config{
		Dir: s.Vault, PasswordFile: s.PasswordFile, Version: readBuild(debug.ReadBuildInfo()).Version, Capacity: s.Capacity, BlockTime: time.Duration(s.BlockTime),
	}
}

// withVault opens the key shares for one command, which must be alone with them.
func withVault(c *cli.Context, do func(*vault.Vault) error) error {
	settings, listens, err := sharesSettings(c)
	if err != nil {
		return err
	}
	v, err := openVault(c.Context, settings, 0)
	if errors.Is(err, vault.ErrLocked) {
		what := "the signer"
		if !listens {
			what = "the node whose signer it is"
		}
		err = fmt.Errorf("%w: stop %s for this, and start it again afterwards", err, what)
	}
	if err != nil {
		return signerError(err)
	}
	return signerError(errors.Join(do(v), v.Close()))
}

// askingSigner asks the running signer, with its own certificate; where none runs, the command opens the key shares itself.
func askingSigner(c *cli.Context, ask func(signer.Backend) error) error {
	settings, listens, err := sharesSettings(c)
	if err != nil {
		return err
	}
	if !listens {
		return withVault(c, func(v *vault.Vault) error { return ask(v) })
	}
	id, err := daemon.LoadIdentity(settings.Certificate, settings.Key)
	if err != nil {
		return signerError(err)
	}
	client, err := daemon.Dial(daemon.Config{
		URL: "https://" + nearby(settings.Listen), Fingerprint: id.Fingerprint, Certificate: settings.Certificate, Key: settings.Key,
		Health: 5 * time.Second,
	})
	if err != nil {
		return signerError(err)
	}
	defer client.Close()
	_, silence := client.Health(c.Context)
	if !errors.Is(silence, daemon.ErrUnreachable) && !errors.Is(silence, daemon.ErrOtherBackend) {
		return signerError(ask(client))
	}
	v, err := openVault(c.Context, settings, 0)
	if errors.Is(err, vault.ErrLocked) {
		return exit(codeUnreachable, fmt.Errorf("%w, and does not answer: %w", err, silence))
	}
	if err != nil {
		return signerError(err)
	}
	return signerError(errors.Join(ask(v), v.Close()))
}

// nearby is where this machine reaches what listens on all its addresses.
func nearby(listen string) string {
	host, port, err := stdnet.SplitHostPort(listen)
	if err != nil {
		return listen // the settings were checked
	}
	switch ip := stdnet.ParseIP(host); {
	case host == "":
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified() && ip.To4() == nil:
		host = "::1"
	case ip != nil && ip.IsUnspecified():
		host = "127.0.0.1"
	}
	return stdnet.JoinHostPort(host, port)
}

// signerWallet reads a command's one argument.
func signerWallet(c *cli.Context) (chain.WalletID, error) {
	if err := arguments(c, 1, 1); err != nil {
		return chain.WalletID{}, err
	}
	wallet, err := chain.ParseWalletID(c.Args().First())
	if err != nil {
		return wallet, exit(codeUsage, err)
	}
	return wallet, nil
}
