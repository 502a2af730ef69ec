package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
)

// openKeys are the keys of the configuration that only the operator can fill in. They have no default, so init leaves
// them as comments, and the node asks for each by name.
var openKeys = []string{"ethereum.url", "ethereum.bridge", "ethereum.validator"}

func initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "prepare a node: its data directory, a commented configuration and an operator's key",
		Description: "What is there already is never overwritten. With --force an old configuration is kept beside the new one, and a\n" +
			"key that is there is used.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "the `DIRECTORY` to prepare, instead of node.data_dir"},
			&cli.StringFlag{Name: "operator-key", Usage: "take over the key in `FILE` (a keystore of version 3, or hex) instead of making one"},
			&cli.BoolFlag{Name: "force", Usage: "go on where something is there already: an old config.toml is renamed, a key is kept"},
			lightFlag(), passwordFlag(), jsonFlag(),
		},
		Action: initNode,
	}
}

// prepared is what init tells.
type prepared struct {
	Dir         string   `json:"dir"`
	Config      string   `json:"config"`
	OldConfig   *string  `json:"old_config"` // what it was renamed to; null if there was none
	OperatorKey string   `json:"operator_key"`
	Operator    *string  `json:"operator"` // null if the key was there and its file does not say
	NewKey      bool     `json:"new_key"`  // made or imported now
	PeerID      string   `json:"peer_id"`  // of this instance
	ToFill      []string `json:"to_fill"`  // keys of the configuration without which the node does not start
}

func initNode(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	dir, err := initDirectory(c)
	if err != nil {
		return err
	}
	p := prepared{Dir: dir, Config: filepath.Join(dir, config.FileName), OperatorKey: filepath.Join(dir, operatorFile), ToFill: openKeys}
	keyThere, err := lookAround(p, c.Bool("force"), c.IsSet("operator-key"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	if p.NewKey = !keyThere; p.NewKey {
		err = initKey(c, &p)
	} else {
		err = knownKey(&p)
	}
	if err != nil {
		return err
	}
	if p.PeerID, err = initInstance(dir); err != nil {
		return err
	}
	// Last: a directory with a configuration is one that is complete.
	if err := writeConfig(c, &p); err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, p)
	}
	return tellNext(c.App.Writer, p, c.String("data-dir") == "" && !c.IsSet("dir"), c.IsSet("password-file"))
}

// initDirectory is the absolute path of the directory to prepare.
func initDirectory(c *cli.Context) (string, error) {
	if c.IsSet("dir") {
		return filepath.Abs(c.String("dir"))
	}
	// No file is read: the one that would be found may be another node's.
	cfg, err := config.Read("", os.Environ(), givenOverrides(c))
	if err != nil {
		return "", configError(err)
	}
	return filepath.Abs(cfg.Node.DataDir)
}

// lookAround finds what is there already, before anything is made or a password is asked for.
func lookAround(p prepared, force, imports bool) (keyThere bool, err error) {
	var there []string
	for _, path := range []string{p.Config, p.OperatorKey} {
		if _, err := os.Lstat(path); err == nil {
			there = append(there, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		keyThere = len(there) > 0 && there[len(there)-1] == p.OperatorKey
	}
	switch {
	case keyThere && imports:
		return true, mustNotExist(p.OperatorKey)
	case len(there) > 0 && !force:
		return keyThere, exit(codeUsage, fmt.Errorf("%s: there already; nothing was changed (--force renames a configuration and keeps a key, --dir names another directory)",
			strings.Join(there, " and ")))
	}
	return keyThere, nil
}

func initKey(c *cli.Context, p *prepared) error {
	var op keys.Operator
	var err error
	if c.IsSet("operator-key") {
		op, err = takeOver(c, config.Config{}, c.String("operator-key"), p.OperatorKey)
	} else {
		var password string
		if password, err = newPassword(c, config.Config{}); err == nil {
			op, err = keys.CreateOperator(p.OperatorKey, password, strength(c))
		}
	}
	if err != nil {
		return err
	}
	address := op.Address.String()
	p.Operator = &address
	return nil
}

// knownKey tells whose key is there, as far as its file says.
func knownKey(p *prepared) error {
	file, err := keys.Inspect(p.OperatorKey)
	if err == nil && !file.Address.IsZero() {
		address := file.Address.String()
		p.Operator = &address
	}
	return err
}

// initInstance makes the instance's key, so that its peer ID can be told to other operators before the first start.
func initInstance(dir string) (string, error) {
	key, err := keys.LoadInstance(dir)
	if err != nil {
		return "", err
	}
	id, err := peer.IDFromPrivateKey(key)
	return id.String(), err
}

// writeConfig writes the sample with the paths of this directory.
func writeConfig(c *cli.Context, p *prepared) error {
	texts := map[string]string{"node.data_dir": p.Dir, "operator.key_file": p.OperatorKey}
	if file := c.String("password-file"); file != "" {
		texts["operator.password_file"] = absolute(file)
	}
	text, err := config.Fill(walletnode.SampleConfig, texts, openKeys...)
	if err != nil {
		return err
	}
	if p.OldConfig, err = setAside(p.Config); err != nil {
		return err
	}
	return create(p.Config, text)
}

// setAside renames a file to the first free of name.1, name.2 and so on, and returns its new name; nil if it is not there.
func setAside(path string) (*string, error) {
	for n := 1; ; n++ {
		old := fmt.Sprintf("%s.%d", path, n)
		// A link, unlike a rename, never replaces.
		err := os.Link(path, old)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return nil, err
		}
		return &old, os.Remove(path)
	}
}

// create writes a new file that its owner alone may read, whole or not at all.
func create(path, text string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(file, text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func tellNext(w io.Writer, p prepared, usual, password bool) error {
	var out strings.Builder
	fmt.Fprintf(&out, "prepared %s\n", p.Dir)
	if p.OldConfig != nil {
		fmt.Fprintf(&out, "  %s is what was %s\n", filepath.Base(*p.OldConfig), config.FileName)
	}
	fmt.Fprintf(&out, "  %-14s the configuration, every setting explained\n", config.FileName)
	if p.NewKey {
		fmt.Fprintf(&out, "  %-14s the key of operator %s; nothing can restore it: keep a copy, and its password\n", operatorFile, cell(p.Operator))
	} else {
		fmt.Fprintf(&out, "  %-14s the key of operator %s, which was there\n", operatorFile, cell(p.Operator))
	}
	fmt.Fprintf(&out, "  %-14s the key of this instance, peer ID %s\n", filepath.Base(keys.InstanceFile(p.Dir)), p.PeerID)

	// The usual directory is found without being named.
	program := "walletnode"
	if !usual {
		program += " --data-dir " + shellWord(p.Dir)
	}
	fmt.Fprintf(&out, "next:\n  1. set %s in %s\n", strings.Join(p.ToFill, ", "), p.Config)
	fmt.Fprintf(&out, "  2. %s check all\n", program)
	fmt.Fprintf(&out, "  3. %s wallets import wallet.json   (for each wallet you hold seats of)\n", program)
	fmt.Fprintf(&out, "  4. %s start", program)
	if !password {
		fmt.Fprintf(&out, "   (the password: operator.password_file, or %s)", config.PasswordVariable)
	}
	out.WriteByte('\n')
	_, err := io.WriteString(w, out.String())
	return err
}

// shellWord quotes a path for a shell where it must be.
func shellWord(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./", r)
	}) < 0 {
		return cmp.Or(s, "''")
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
