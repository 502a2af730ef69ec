package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// run is the whole program but for the process around it: it takes the arguments (the program's name first) and
// returns the exit code. It never ends the process, so that tests can call it.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	app := newApp(stdin, stdout, stderr)
	args, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(context.Background(), args)
	}
	if err != nil {
		complain(stderr, err)
		if todo := advice(err); todo != "" {
			complain(stderr, errors.New("what to do: "+todo))
		}
	}
	return exitCode(err)
}

// complain prints an error, one line for each of its lines.
func complain(stderr io.Writer, err error) {
	text := strings.TrimSpace(err.Error())
	if text == "" {
		return // the command has said all there is to say
	}
	for line := range strings.Lines(text) { // parts of it may come from an endpoint or a file
		fmt.Fprintln(stderr, "walletnode:", printable(strings.TrimSuffix(line, "\n"))) //nolint:errcheck // there is nowhere left to report it
	}
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "walletnode",
		Usage: "the node of a threshold-wallet operator",
		Description: "Every 900 blocks the operators of each threshold wallet agree on what to sign next; this is one operator's node. To watch a whole\n" +
			"network of them on this machine: walletnode devnet. To run one: walletnode init, check all, start; then status, windows list\n" +
			"and faults list say what happened. It is not audited: no real funds.\n\n" +
			"Flags of the program may stand anywhere on the line; flags of a command before or after its arguments.",
		Flags: globalFlags(),
		Commands: []*cli.Command{
			initCommand(),
			startCommand(),
			configCommand(),
			keysCommand(),
			checkCommand(),
			devnetCommand(),
			storeCommand(),
			signerCommand(),
			with(walletsCommand(), archiveCommand()),
			statusCommand(),
			waitReadyCommand(),
			windowsCommand(),
			proposalsCommand(),
			faultsCommand(),
			evidenceCommand(),
			actionsCommand(),
			peersCommand(),
			signersCommand(),
			instancesCommand(),
			bansCommand(),
			feedCommand(),
			endpointsCommand(),
			explainCommand(),
			debugCommand(),
			messageCommand(),
			completionCommand(),
			versionCommand(),
		},
		Action:         groupAction,
		OnUsageError:   onUsageError,
		ExitErrHandler: func(*cli.Context, error) {}, // run reports errors; the library would end the process
		HideVersion:    true,
		Reader:         stdin,
		Writer:         stdout,
		ErrWriter:      stderr,
	}
	refuseUsageErrors(app.Commands)
	return app
}

// group is a command that only holds others.
func group(name, usage string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{Name: name, Usage: usage, Action: groupAction, Subcommands: commands}
}

// groupAction runs where a command should stand: it shows what there is, or refuses what there is not.
func groupAction(c *cli.Context) error {
	if c.Args().Present() {
		return usageErrorf("unknown command %q (see walletnode --help)", c.Args().First())
	}
	if err := cli.ShowSubcommandHelp(c); err != nil {
		return err
	}
	return exit(codeUsage, nil)
}

// refuseUsageErrors makes every command return its usage errors instead of printing its help among the data.
func refuseUsageErrors(commands []*cli.Command) {
	for _, command := range commands {
		command.OnUsageError = onUsageError
		refuseUsageErrors(command.Subcommands)
	}
}

func onUsageError(_ *cli.Context, err error, _ bool) error { return exit(codeUsage, err) }

// arguments checks how many arguments a command was given; most < 0 is no limit.
func arguments(c *cli.Context, least, most int) error {
	switch n := c.NArg(); {
	case n < least:
		return usageErrorf("%s needs %s (see walletnode %[1]s --help)", commandPath(c), c.Command.ArgsUsage)
	case most >= 0 && n > most:
		return usageErrorf("%s: %q is one argument too many", commandPath(c), c.Args().Get(most))
	}
	return nil
}

// commandPath returns the words that name the running command, without the program's.
func commandPath(c *cli.Context) string {
	return strings.TrimPrefix(c.Command.HelpName, "walletnode ")
}
