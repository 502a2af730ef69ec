package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
)

// operatorFile is the operator's key in a data directory, unless the configuration names another file.
const operatorFile = "operator.json"

func keysCommand() *cli.Command {
	return group("keys", "the operator's key and the key of this instance",
		&cli.Command{
			Name:        "new",
			Usage:       "make a new operator's key",
			Description: "The file is an Ethereum keystore of version 3. Nothing can restore it: keep a copy of it and of its password.",
			Flags:       []cli.Flag{outFlag(), lightFlag(), passwordFlag(), jsonFlag()},
			Action:      newKey,
		},
		&cli.Command{
			Name:      "import",
			Usage:     "take over an operator's key that exists",
			ArgsUsage: "FILE",
			Description: "FILE is a keystore of version 3, which is copied as it is once its password has opened it, or holds a private key\n" +
				"in hex, which is encrypted with the password; - reads it from stdin.",
			Flags:  []cli.Flag{outFlag(), lightFlag(), passwordFlag(), jsonFlag()},
			Action: importKey,
		},
		&cli.Command{
			Name:   "list",
			Usage:  "list the keys in the data directory and beside the configured one",
			Flags:  []cli.Flag{jsonFlag()},
			Action: listKeys,
		},
		&cli.Command{
			Name:        "inspect",
			Usage:       "show a key: its address, its peer ID on the network, and the price of a guess at its password",
			ArgsUsage:   "[FILE]",
			Description: "The peer ID is the one by which the network's reference client knows the operator. Without FILE the configured key is shown.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "locked", Usage: "do not open the key: show what its file says without the password"},
				passwordFlag(), jsonFlag(),
			},
			Action: inspectKey,
		},
		&cli.Command{
			Name:      "passwd",
			Usage:     "give a key another password",
			ArgsUsage: "[FILE]",
			Description: "The file is replaced in one step. A running node has its key open and goes on; what it reads at its next start\n" +
				"(operator.password_file or the environment) is yours to change.",
			Flags: []cli.Flag{
				passwordFlag(), lightFlag(),
				&cli.StringFlag{Name: "new-password-file", Usage: "a `FILE` with the new password; otherwise " + config.NewPasswordVariable + ", or a question at a terminal"},
			},
			Action: changePassword,
		},
		delegateCommand(),
	)
}

func outFlag() cli.Flag {
	return &cli.StringFlag{Name: "out", Usage: "the `FILE` to make, instead of operator.key_file or operator.json in the data directory; it is never overwritten"}
}

func lightFlag() cli.Flag {
	return &cli.BoolFlag{Name: "light", Usage: "encrypt so that the key opens quickly and its password is cheap to guess: for test networks"}
}

func strength(c *cli.Context) keys.Strength {
	if c.Bool("light") {
		return keys.Light
	}
	return keys.Standard
}

// keyToMake is the file that a new key goes to. It is not there yet: nobody is asked for a password in vain.
func keyToMake(c *cli.Context) (config.Config, string, error) {
	cfg, err := readConfig(c)
	if err != nil {
		return cfg, "", err
	}
	target := cmp.Or(c.String("out"), cfg.Operator.KeyFile, filepath.Join(cfg.Node.DataDir, operatorFile))
	return cfg, target, mustNotExist(target)
}

// madeKey is what "keys new" and "keys import" tell.
type madeKey struct {
	File     string `json:"file"`
	Operator string `json:"operator"`
}

func newKey(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, target, err := keyToMake(c)
	if err != nil {
		return err
	}
	password, err := newPassword(c, cfg)
	if err != nil {
		return err
	}
	op, err := keys.CreateOperator(target, password, strength(c))
	if err != nil {
		return err
	}
	return tellKey(c, target, op, "made")
}

// mustNotExist says of a key that is there already that it stays.
func mustNotExist(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return exit(codeUsage, fmt.Errorf("%s is there already, and a key is never replaced: name another file or move it away", path))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func tellKey(c *cli.Context, file string, op keys.Operator, verb string) error {
	return say(c, madeKey{file, op.Address.String()}, "%v %s in %s\n", op.Address, verb, file)
}

func importKey(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	cfg, target, err := keyToMake(c)
	if err != nil {
		return err
	}
	op, err := takeOver(c, cfg, c.Args().First(), target)
	if err != nil {
		return err
	}
	return tellKey(c, target, op, "imported")
}

// takeOver stores the key in a file, a keystore or a private key in hex, as a keystore at target.
func takeOver(c *cli.Context, cfg config.Config, from, target string) (keys.Operator, error) {
	if from != "-" {
		if _, err := keys.Inspect(from); err == nil {
			password, err := openingPassword(c, cfg, from)
			if err != nil {
				return keys.Operator{}, err
			}
			return keys.ImportOperator(target, from, password)
		}
	}
	text, err := rawKey(c.App.Reader, from)
	if err != nil {
		return keys.Operator{}, err
	}
	key, err := keys.ParsePrivateKey(text)
	if err != nil {
		return keys.Operator{}, usageErrorf("%s: neither a keystore of version 3, nor hex: %w", from, err)
	}
	password, err := newPassword(c, cfg)
	if err != nil {
		return keys.Operator{}, err
	}
	return keys.StoreOperator(target, key, password, strength(c))
}

// maxRawKey is how much is read where a private key in hex is expected, in bytes.
const maxRawKey = 256

// rawKey reads a private key as text, from stdin or from a file that its owner alone may read.
func rawKey(stdin io.Reader, from string) (string, error) {
	if from != "-" {
		return keys.Password(from, "") // the same rules: a short secret in a file of its own
	}
	data, err := io.ReadAll(io.LimitReader(stdin, maxRawKey))
	return string(data), err
}

func changePassword(c *cli.Context) error {
	cfg, path, err := keyArgument(c)
	if err != nil {
		return err
	}
	old, err := openingPassword(c, cfg, path)
	if err != nil {
		return err
	}
	if _, err := keys.LoadOperator(path, old); err != nil {
		return err // before anybody is asked for a new one
	}
	next, err := choosePassword(c.String("new-password-file"), os.Getenv(config.NewPasswordVariable), personAt(c))
	if err != nil {
		return fmt.Errorf("new password: %w", err)
	}
	op, err := keys.ChangePassword(path, old, next, strength(c))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%v: %s has its new password\n", op.Address, path)
	return err
}
