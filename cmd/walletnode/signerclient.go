package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

func signerClientCommand() *cli.Command {
	return group("client", "who may ask the signer, and the certificates of those who ask",
		&cli.Command{
			Name: "new", Usage: "make a certificate for a node, on the node's machine",
			Description: "It makes client.crt and client.key in a directory; the key never leaves the machine. The fingerprint is for \"signer client add\".",
			Flags:       []cli.Flag{&cli.StringFlag{Name: "out", Usage: "the `DIRECTORY` of the two files; it is made if it is not there"}, jsonFlag()},
			Action:      newClient,
		},
		&cli.Command{
			Name: "add", Usage: "list a client in the signer's settings", ArgsUsage: "NAME",
			Description: "A running signer takes it over at SIGHUP (systemctl reload). Who is not listed is refused, whatever it asks for.",
			Flags: []cli.Flag{
				signerDirFlag(),
				&cli.StringFlag{Name: "fingerprint", Usage: "of the client's certificate: 64 hex `DIGITS`"},
				&cli.StringFlag{Name: "certificate", Usage: "the client's certificate in `FILE`, instead of its fingerprint"},
				&cli.StringSliceFlag{Name: "roles", Value: cli.NewStringSlice("read", "sign", "dkg"), Usage: "what it may do: `ROLES` of read, sign, dkg, admin"},
				&cli.StringSliceFlag{Name: "wallets", Value: cli.NewStringSlice("*"), Usage: "the `WALLETS` that it may touch, or * for all of them"},
				jsonFlag(),
			},
			Action: addClient,
		},
		&cli.Command{Name: "list", Usage: "list who may ask the signer", Flags: []cli.Flag{signerDirFlag(), jsonFlag()}, Action: listClients},
	)
}

// madeClient is what "signer client new" tells.
type madeClient struct {
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint"`
}

func newClient(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	dir := absolute(c.String("out"))
	if dir == "" {
		return usageErrorf("signer client new needs --out DIRECTORY")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	m := madeClient{Certificate: filepath.Join(dir, "client.crt"), Key: filepath.Join(dir, "client.key")}
	fingerprint, err := daemon.MakeCertificate("walletnode", m.Certificate, m.Key)
	if errors.Is(err, fs.ErrExist) {
		return exit(codeUsage, fmt.Errorf("%w: nothing is replaced (--out names another directory)", err))
	}
	if err != nil {
		return err
	}
	m.Fingerprint = fingerprint.String()
	return say(c, m, "certificate  %s\nkey          %s\nfingerprint  %s\n"+
		"next:\n  1. on the signer's machine: walletnode signer client add NAME --fingerprint %[3]s\n"+
		"  2. into the node's config.toml:\n\n[signing]\nclient_cert_file = %[1]q\nclient_key_file = %[2]q\n", m.Certificate, m.Key, m.Fingerprint)
}

// signerClient is a client as commands show it.
type signerClient struct {
	Name        string   `json:"name"`
	Fingerprint string   `json:"fingerprint"`
	Roles       []string `json:"roles"`
	Wallets     []string `json:"wallets"`
}

func showClient(p daemon.Permission) signerClient {
	shown := signerClient{p.Name, p.Fingerprint.String(), []string{}, append([]string{}, p.Wallets...)}
	for _, r := range p.Roles {
		shown.Roles = append(shown.Roles, string(r))
	}
	return shown
}

func addClient(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	dir, err := signerDir(c)
	if err != nil {
		return err
	}
	if _, _, err := signerSettings(c); err != nil {
		return err // what is wrong already is not the client's fault
	}
	p := daemon.Permission{Name: c.Args().First(), Wallets: c.StringSlice("wallets")}
	for _, r := range c.StringSlice("roles") {
		p.Roles = append(p.Roles, daemon.Role(r))
	}
	if p.Fingerprint, err = clientFingerprint(c); err != nil {
		return err
	}
	if _, err := daemon.NewAccess([]daemon.Permission{p}); err != nil {
		return exit(codeUsage, err)
	}
	path := filepath.Join(dir, daemon.SettingsFile)
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	changed := strings.TrimRight(string(text), "\n") + "\n\n" + clientText(p)
	if _, _, err := daemon.ParseSettings([]byte(changed)); err != nil {
		return exit(codeUsage, fmt.Errorf("%w; nothing was changed", err))
	}
	if err := replace(path, changed); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return say(c, showClient(p), "%s listed in %s: roles %s, wallets %s\na running signer takes it over at SIGHUP (systemctl reload walletnode-signer)\n",
		p.Name, path, strings.Join(showClient(p).Roles, ", "), strings.Join(p.Wallets, ", "))
}

// clientFingerprint is the one named, or that of the certificate named.
func clientFingerprint(c *cli.Context) (daemon.Fingerprint, error) {
	given, file := c.String("fingerprint"), c.String("certificate")
	switch {
	case (given == "") == (file == ""):
		return daemon.Fingerprint{}, usageErrorf("signer client add needs --fingerprint DIGITS, or --certificate FILE (\"walletnode signer client new\" tells both)")
	case given != "":
		f, err := daemon.ParseFingerprint(given)
		if err != nil {
			return f, usageErrorf("--fingerprint: %w", err)
		}
		return f, nil
	}
	text, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return daemon.Fingerprint{}, exit(codeUsage, fmt.Errorf("--certificate: %w", err))
	}
	defer text.Close() //nolint:errcheck // only read from
	f, err := daemon.ReadFingerprint(text)
	if err != nil {
		return f, usageErrorf("--certificate: %w", err)
	}
	return f, nil
}

// clientText is a client in the settings' form. Nothing in it needs quoting beyond Go's: names, roles and wallets are checked.
func clientText(p daemon.Permission) string {
	quoted := func(list []string) string {
		out := make([]string, len(list))
		for i, s := range list {
			out[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	return fmt.Sprintf("[[clients]]\nname = %q\nfingerprint = %q\nroles = %s\nwallets = %s\n", p.Name, p.Fingerprint, quoted(showClient(p).Roles), quoted(p.Wallets))
}

// replace writes a file anew in one step: whoever reads it finds the old one or the new one, whole.
func replace(path, text string) error {
	beside := path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := create(beside, text); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

func listClients(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	settings, _, err := signerSettings(c)
	if err != nil {
		return err
	}
	list := struct {
		Clients []signerClient `json:"clients"`
	}{[]signerClient{}}
	for _, p := range settings.Clients {
		list.Clients = append(list.Clients, showClient(p))
	}
	return sheet{list, false, table.Row{"name", "roles", "wallets", "fingerprint"}, rowsOf(list.Clients, func(s signerClient) table.Row {
		return table.Row{s.Name, strings.Join(s.Roles, ","), strings.Join(s.Wallets, ","), s.Fingerprint}
	})}.write(c)
}
