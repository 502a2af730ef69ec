package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
)

// passwordFlag names a file. A password itself is never a flag: the whole machine can read command lines.
func passwordFlag() cli.Flag {
	return &cli.StringFlag{
		Name:  "password-file",
		Usage: "a `FILE` with the password, which its owner alone may read; otherwise operator.password_file, " + config.PasswordVariable + ", or a question at a terminal",
	}
}

// asker asks a person for a secret. It is nil where there is nobody to ask.
type asker func(question string) (string, error)

// personAt returns an asker if a person sits at stdin.
func personAt(c *cli.Context) asker {
	in, ok := c.App.Reader.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) { //nolint:gosec // a descriptor fits an int
		return nil
	}
	return func(question string) (string, error) {
		if _, err := io.WriteString(c.App.ErrWriter, question); err != nil {
			return "", err
		}
		secret, err := readHidden(int(in.Fd()))                  //nolint:gosec // as above
		if _, err := fmt.Fprintln(c.App.ErrWriter); err != nil { // the person's own newline was not shown
			return "", err
		}
		return secret, err
	}
}

// readHidden reads a line that the terminal does not show. A signal that ends the wait leaves a terminal that shows what is
// typed again, which the shell after us may rely on.
func readHidden(fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	signals, deaf := stopSignals()
	defer deaf()
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1) // nothing interrupts the read: after a signal it ends with the process
	go func() {
		text, err := term.ReadPassword(fd)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		return string(a.text), a.err
	case <-signals:
		return "", exit(codeInterrupted, errors.Join(errors.New("interrupted before there was a password"), term.Restore(fd, before)))
	}
}

// openingPassword returns the password of a key that exists.
func openingPassword(c *cli.Context, cfg config.Config, keyFile string) (string, error) {
	file, env := passwordSources(c, cfg)
	ask := personAt(c)
	if file == "" && env == "" && ask != nil {
		return ask(fmt.Sprintf("Password of %s: ", keyFile))
	}
	return keys.Password(file, env)
}

// newPassword returns the password for a key that is about to be made.
func newPassword(c *cli.Context, cfg config.Config) (string, error) {
	file, env := passwordSources(c, cfg)
	return choosePassword(file, env, personAt(c))
}

func passwordSources(c *cli.Context, cfg config.Config) (file, env string) {
	if c.IsSet("password-file") {
		return c.String("password-file"), ""
	}
	return cfg.Operator.PasswordFile, os.Getenv(config.PasswordVariable)
}

var errPasswordsDiffer = errors.New("the two passwords differ; nothing was changed")

// choosePassword returns the password in file or env, or asks for one twice.
func choosePassword(file, env string, ask asker) (string, error) {
	if file != "" || env != "" || ask == nil {
		return keys.Password(file, env)
	}
	first, err := ask("New password of the operator's key: ")
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", errors.New("the password is empty; nothing was changed")
	}
	second, err := ask("The same again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errPasswordsDiffer
	}
	return first, nil
}
