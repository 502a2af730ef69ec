package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/wire"
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

// keyTarget is the file that a new key goes to.
func keyTarget(c *cli.Context, cfg config.Config) string {
	return cmp.Or(c.String("out"), cfg.Operator.KeyFile, filepath.Join(cfg.Node.DataDir, operatorFile))
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
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	target := keyTarget(c, cfg)
	if err := mustNotExist(target); err != nil {
		return err // before anybody is asked for a password
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
	if c.Bool("json") {
		return writeJSON(c.App.Writer, madeKey{file, op.Address.String()})
	}
	_, err := fmt.Fprintf(c.App.Writer, "%v %s in %s\n", op.Address, verb, file)
	return err
}

func importKey(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	target := keyTarget(c, cfg)
	if err := mustNotExist(target); err != nil {
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

// key is one row of "keys list".
type key struct {
	File       string  `json:"file"`
	Kind       string  `json:"kind"` // operator or instance
	Operator   *string `json:"operator"`
	PeerID     *string `json:"peer_id"`    // of an instance's key
	Derivation *string `json:"derivation"` // of an operator's key
	Configured bool    `json:"configured"` // the node uses it
}

func listKeys(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	list, err := findKeys(cfg)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, struct {
			Keys []key `json:"keys"`
		}{list})
	}
	rows := make([]table.Row, len(list))
	for i, k := range list {
		use := ""
		if k.Configured {
			use = "configured"
		}
		identity := k.Operator
		if k.PeerID != nil {
			identity = k.PeerID
		}
		rows[i] = table.Row{k.Kind, cell(identity), cell(k.Derivation), orDash(use), k.File}
	}
	return writeTable(c, table.Row{"kind", "operator or peer id", "derivation", "use", "file"}, rows)
}

// findKeys lists the keystores beside the configured one and in the data directory, and the instance's key.
func findKeys(cfg config.Config) ([]key, error) {
	list := []key{}
	configured := absolute(cfg.Operator.KeyFile)
	dirs := []string{absolute(cfg.Node.DataDir)}
	if dir := filepath.Dir(configured); configured != "" && dir != dirs[0] {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		files, err := keys.List(dir)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			derivation := f.Derivation.String()
			k := key{File: f.Path, Kind: "operator", Derivation: &derivation, Configured: f.Path == configured}
			if !f.Address.IsZero() {
				address := f.Address.String()
				k.Operator = &address
			}
			list = append(list, k)
		}
	}
	instance, err := keys.ReadInstance(cfg.Node.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	id, err := peer.IDFromPrivateKey(instance)
	if err != nil {
		return nil, err
	}
	text := id.String()
	return append(list, key{File: keys.InstanceFile(absolute(cfg.Node.DataDir)), Kind: "instance", PeerID: &text, Configured: true}), nil
}

// absolute returns an absolute path where that can be told; "" for none.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// keyArgument is the key a command is about: the file named, or the configured one.
func keyArgument(c *cli.Context, cfg config.Config) (string, error) {
	if err := arguments(c, 0, 1); err != nil {
		return "", err
	}
	path := cmp.Or(c.Args().First(), cfg.Operator.KeyFile)
	if path == "" {
		return "", usageErrorf("%s: no key: name its file, or set operator.key_file", commandPath(c))
	}
	return path, nil
}

// keyDetails is what "keys inspect" shows.
type keyDetails struct {
	File       string  `json:"file"`
	Mode       string  `json:"mode"` // permissions, octal
	Operator   *string `json:"operator"`
	PublicKey  *string `json:"public_key"` // compressed, hex; null if the key was not opened
	PeerID     *string `json:"peer_id"`    // as the reference client has it; null if the key was not opened
	Derivation string  `json:"derivation"`
	Memory     uint64  `json:"derivation_bytes"` // memory of one guess; 0 where memory is no part of its price
	Weak       bool    `json:"weak"`             // too cheap to guess at for a key that holds something
}

func inspectKey(c *cli.Context) error {
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	path, err := keyArgument(c, cfg)
	if err != nil {
		return err
	}
	file, err := keys.Inspect(path)
	if err != nil {
		return err
	}
	d := keyDetails{
		File: file.Path, Mode: fmt.Sprintf("%#o", file.Mode), Derivation: file.Derivation.String(),
		Memory: file.Derivation.Memory(), Weak: file.Derivation.Weak(),
	}
	if !file.Address.IsZero() {
		address := file.Address.String()
		d.Operator = &address
	}
	if !c.Bool("locked") {
		if err := open(c, cfg, path, &d); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, d)
	}
	return writeKeyDetails(c.App.Writer, d)
}

// open fills in what only the opened key tells.
func open(c *cli.Context, cfg config.Config, path string, d *keyDetails) error {
	op, err := openKey(c, cfg, path)
	if err != nil {
		return err
	}
	public, err := wire.ParsePublicKey(crypto.CompressPubkey(&op.Key.PublicKey))
	if err != nil {
		return err
	}
	address, compressed, id := op.Address.String(), fmt.Sprintf("0x%x", public[:]), peer.ID(public.PeerID()).String()
	d.Operator, d.PublicKey, d.PeerID = &address, &compressed, &id
	return nil
}

func openKey(c *cli.Context, cfg config.Config, path string) (keys.Operator, error) {
	password, err := openingPassword(c, cfg, path)
	if err != nil {
		return keys.Operator{}, err
	}
	return keys.LoadOperator(path, password)
}

func writeKeyDetails(w io.Writer, d keyDetails) error {
	strong := ""
	if d.Weak {
		strong = " (weak: for test networks)"
	}
	_, err := fmt.Fprintf(w, "file        %s (mode %s)\noperator    %s\npublic key  %s\npeer id     %s\nderivation  %s%s\n",
		d.File, d.Mode, cell(d.Operator), cell(d.PublicKey), cell(d.PeerID), d.Derivation, strong)
	return err
}

func changePassword(c *cli.Context) error {
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	path, err := keyArgument(c, cfg)
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
	next, err := choosePassword(c.String("new-password-file"), os.Getenv(config.NewPasswordVariable), terminal(c))
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
