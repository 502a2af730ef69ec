package main

import (
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/systemd"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// Times of a signer.
const (
	signerGrace  = 15 * time.Second // for what is under way when it is told to stop: a round, and the disk
	signerPulse  = 5 * time.Second  // how long its store may take to answer before systemd is told nothing
	acceptingBut = "takes no new keys"
)

func signerRunCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "run the signer until it is interrupted",
		Description: "It answers the clients that its settings list, and nobody else. At SIGHUP it reads the list of clients again; all other\n" +
			"settings wait for the next start. A stop ends open sessions: what they were about takes a new attempt. The first SIGINT or\n" +
			"SIGTERM lets what is under way end, a second one ends it at once with exit code 130. The variable " + signerPasswordVariable + "\n" +
			"names the password's file instead of password_file, here and for every command that opens the key shares.",
		Flags:  []cli.Flag{signerDirFlag()},
		Action: runSigner,
	}
}

func runSigner(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	settings, access, err := signerSettings(c)
	if err != nil {
		return err
	}
	logs, err := config.Read("", os.Environ(), givenOverrides(c)) // the node's file is none of the signer's
	if err != nil {
		return configError(err)
	}
	if err := setupLogging(c, logs); err != nil {
		return err
	}
	dir, err := signerDir(c)
	if err != nil {
		return err
	}
	// Before anything is acquired, so that an impatient operator is heard.
	signals, deaf := stopSignals()
	defer deaf()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	return untilSignal(c.Context, signals, signerGrace, c.App.ErrWriter, func(ctx context.Context) error {
		return signerError(serveSigner(ctx, settings, access, filepath.Join(dir, daemon.SettingsFile), hangups))
	})
}

// serveSigner opens the key shares and answers for them until ctx ends. file is where the settings are, for hangups.
func serveSigner(ctx context.Context, settings daemon.Settings, access daemon.Access, file string, hangups <-chan os.Signal) (err error) {
	notifier, err := systemd.FromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	defer notifier.Close() //nolint:errcheck // nothing is pending on a datagram socket
	id, err := daemon.LoadIdentity(settings.Certificate, settings.Key)
	if err != nil {
		return err
	}
	letters, err := openMailbox(settings, id)
	if err != nil {
		return err
	}
	keeping := vaultConfig(settings)
	if letters != nil { // a nil one would be no nil interface
		keeping.Mailbox, keeping.Wait = letters.Readers, time.Duration(settings.Feed.Wait)
		defer letters.Close()
	}
	backend, err := vault.Open(ctx, keeping)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	server, err := daemon.NewServer(backend, id, access, logger("signer"))
	if err != nil {
		return err
	}
	if letters != nil {
		server.SetFeed(letters.Readers)
	}
	listener, err := new(stdnet.ListenConfig).Listen(ctx, "tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("take the address for the signer: %w", err)
	}
	health, err := backend.Health(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	logger("signer").Info("Signer started", "address", listener.Addr().String(), "fingerprint", id.Fingerprint.String(), "backend_id", health.BackendID,
		"keys", health.Keys, "clients", len(settings.Clients))
	warnOfSettings(settings, file)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx, listener) })
	if letters != nil {
		g.Go(func() error { return letters.Run(ctx) })
	}
	g.Go(func() error {
		never := func() <-chan struct{} { return nil } // what changes is seen at the next sign of life
		if err := notifier.Follow(ctx, never, func() systemd.Report { return signerReport(ctx, backend) }); err != nil {
			logger("signer").Error("systemd hears no more of the signer, and may end it", "error", err)
		}
		return nil
	})
	g.Go(func() error {
		followSettings(ctx, server, settings, file, hangups)
		return nil
	})
	return g.Wait()
}

// warnOfSettings says what an operator may not have meant.
func warnOfSettings(settings daemon.Settings, file string) {
	if settings.Feed.Mode == daemon.FeedOff {
		logger("signer").Warn("The node's word is taken for what leaders say: feed.mode is off", "settings", file)
	}
	if len(settings.Clients) == 0 {
		logger("signer").Warn("No client is listed, so nobody is answered", "settings", file)
	}
}

// followSettings takes over the list of clients whenever it is told to, until ctx ends.
func followSettings(ctx context.Context, server *daemon.Server, running daemon.Settings, file string, hangups <-chan os.Signal) {
	for {
		select {
		case <-hangups:
			reloadClients(server, running, file)
		case <-ctx.Done():
			return
		}
	}
}

// signerReport tells systemd how the signer fares. Its store is read, so that one that hangs gives no sign of life.
func signerReport(ctx context.Context, backend *vault.Vault) systemd.Report {
	stopping := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signerPulse) // the last report comes when ctx has ended
	defer cancel()
	health, err := backend.Health(ctx)
	status := fmt.Sprintf("%d keys", health.Keys)
	switch {
	case stopping:
		status = "stopping"
	case err != nil:
		status = err.Error()
	case !health.StoreOK:
		status = "cannot write: " + health.Detail
	case !health.Accepting:
		status += ", " + acceptingBut
	}
	if err == nil && !stopping && health.Feed != signer.FeedFollows {
		status += "; " + saidOfFeed(health)
	}
	return systemd.Report{Ready: true, Stopping: stopping, Status: status}
}

// saidOfFeed is how a signer fares with what leaders say, where that is worth saying.
func saidOfFeed(h signer.Health) string {
	switch h.Feed {
	case signer.FeedOff:
		return "takes the node's word for what leaders say"
	case signer.FeedFalse:
		return "signs nothing: " + h.FeedDetail
	}
	return "mailbox " + string(h.Feed) + ": " + h.FeedDetail
}

// reloadClients takes over the list of clients. If anything in the settings is wrong nothing changes.
func reloadClients(server *daemon.Server, running daemon.Settings, file string) {
	later, access, err := daemon.ReadSettings(file)
	if err != nil {
		logger("signer").Error("The settings were not taken over", "error", err)
		return
	}
	server.SetAccess(access)
	logger("signer").Info("Clients taken over from the settings", "clients", len(later.Clients))
	if !later.SameButClients(running) {
		logger("signer").Warn("Changed settings other than clients need a restart", "settings", file)
	}
}
