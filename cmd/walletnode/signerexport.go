package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// maxExportFile is more than any export has, in bytes: one key with what a few years leave.
const maxExportFile = 256 << 20

// maxPasswordFile is more than any password has, in bytes.
const maxPasswordFile = 4096

func exportPasswordFlag() cli.Flag {
	return &cli.StringFlag{Name: "password-file", Usage: "a `FILE` with the password of the exported file, which its owner alone may read; otherwise a question at a terminal"}
}

func signerExportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "take a key's shares out of a signer that is stopped; the key is frozen there for ever",
		ArgsUsage: "WALLET",
		Description: "The file is encrypted with a password of its own and holds, beside the shares, all that keeps them from signing twice. It must be\n" +
			"imported in one place only: two would not know of each other's signatures. A file that was lost can be exported again.",
		Flags: []cli.Flag{
			signerDirFlag(),
			&cli.StringFlag{Name: "to", Usage: "the `FILE` to make; it is never overwritten"},
			&cli.BoolFlag{Name: "yes", Usage: "the key may be frozen here for ever: nothing can undo it"},
			exportPasswordFlag(),
		},
		Action: exportKey,
	}
}

func exportKey(c *cli.Context) error {
	wallet, err := signerWallet(c)
	if err != nil {
		return err
	}
	target := c.String("to")
	switch _, err := os.Lstat(target); {
	case target == "":
		return usageErrorf("signer export needs --to FILE")
	case err == nil:
		return usageErrorf("--to: %s is there already, and is not overwritten", target)
	case !errors.Is(err, fs.ErrNotExist):
		return exit(codeUsage, err)
	case !c.Bool("yes"):
		return usageErrorf("signer export freezes the key in this signer for ever: say --yes if that is meant; nothing was changed")
	}
	password, err := exportPassword(c, true)
	if err != nil {
		return err
	}
	return withVault(c, func(v *vault.Vault) error {
		if _, err := v.Key(c.Context, wallet); err != nil {
			return err // before anything is frozen
		}
		file, err := v.Export(c.Context, wallet, password)
		if err != nil {
			return err
		}
		if err := create(target, string(file)); err != nil {
			return fmt.Errorf("write the export: %w; the key is frozen, and can be exported again", err)
		}
		_, err = fmt.Fprintf(c.App.Writer, "%v exported to %s; it is frozen here for ever\n", wallet, target)
		return err
	})
}

func signerImportCommand() *cli.Command {
	return &cli.Command{
		Name:        "import",
		Usage:       "take an exported key into a signer that is stopped",
		ArgsUsage:   "FILE",
		Description: "A file without what keeps the key from signing twice is refused. Delete the file afterwards: it must not be imported again elsewhere.",
		Flags:       []cli.Flag{signerDirFlag(), exportPasswordFlag(), jsonFlag()},
		Action:      importSignerKey,
	}
}

func importSignerKey(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	file, err := secretfile.Read("exported key", c.Args().First(), maxExportFile)
	if err != nil {
		return signerError(err)
	}
	password, err := exportPassword(c, false)
	if err != nil {
		return err
	}
	var key signer.Key
	err = withVault(c, func(v *vault.Vault) (err error) {
		key, err = v.Import(c.Context, file, password)
		return err
	})
	if err != nil {
		return err
	}
	return say(c, showKey(key), "%v imported; its state is %s. Delete %s now\n", key.Wallet, key.State, c.Args().First())
}

// exportPassword reads the password of an exported file, or asks for it; a new one twice.
func exportPassword(c *cli.Context, fresh bool) (string, error) {
	file, ask := c.String("password-file"), personAt(c)
	if file == "" && ask == nil {
		return "", usageErrorf("%s: no password: name its file with --password-file", commandPath(c))
	}
	obtain := func() (string, error) { return ask("Password of the exported file: ") }
	if file != "" {
		obtain = func() (string, error) {
			raw, err := secretfile.Read("password of the exported file", file, maxPasswordFile)
			return strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r"), err
		}
	}
	password, err := obtain()
	switch {
	case err != nil:
		return "", err
	case password == "":
		return "", usageErrorf("%s: the password is empty; nothing was changed", commandPath(c))
	case file != "" || !fresh:
		return password, nil
	}
	again, err := ask("The same again: ")
	if err == nil && again != password {
		err = exit(codeUsage, errPasswordsDiffer)
	}
	return password, err
}
