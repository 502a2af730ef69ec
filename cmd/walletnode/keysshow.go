package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/wire"
)

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

// keyArgument returns the configuration, and the key a command is about: the file named, or the configured one.
func keyArgument(c *cli.Context) (cfg config.Config, path string, err error) {
	if cfg, err = readConfig(c); err != nil {
		return cfg, "", err
	}
	if err := arguments(c, 0, 1); err != nil {
		return cfg, "", err
	}
	if path = cmp.Or(c.Args().First(), cfg.Operator.KeyFile); path == "" {
		return cfg, "", usageErrorf("%s: no key: name its file, or set operator.key_file", commandPath(c))
	}
	return cfg, path, nil
}

func inspectKey(c *cli.Context) error {
	cfg, path, err := keyArgument(c)
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
	return show(c, d, writeKeyDetails)
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
