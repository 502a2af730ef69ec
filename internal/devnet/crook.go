package devnet

import (
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// plot is what crooks in place of the first wallet's signers are up to in one window: the first of them that is asked for its part
// of a signature, and without whom the wallet still has its quorum, gives a wrong one, as often as it is asked. All others
// are honest. Who is asked is drawn from what is signed, so nobody can be picked beforehand.
type plot struct {
	wallet    chain.Wallet
	threshold int
	height    func() chain.Height

	mu    sync.Mutex
	crook chain.Operator // zero until there is one
	open  map[signer.SessionID]signer.SignOpen
	deeds []deed
}

// crook is a signer backend that has an operator's shares and can cheat.
type crook struct {
	*vault.Vault
	of   chain.Operator
	id   string
	plot *plot
}

// Sign implements signer.Backend.
func (c crook) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	if r.Round == 3 && c.plot.cheated(c.of, r.Session) { // its own node is not to have the signature from it
		return signer.RoundReply{}, signer.ErrSessionGone
	}
	reply, err := c.Vault.Sign(ctx, r)
	if err != nil || len(reply.Out) == 0 {
		return reply, err
	}
	switch r.Round {
	case 1:
		c.plot.opened(r.Session, *r.Open)
	case 2:
		if !c.plot.cheats(c, r.Session) {
			break
		}
		reply.Out = slices.Clone(reply.Out)
		last := &reply.Out[len(reply.Out)-1]
		last.Data = slices.Clone(last.Data)
		last.Data[len(last.Data)-1] ^= 1 // of the last seat's part of the signature
	}
	return reply, nil
}

func (p *plot) opened(session signer.SessionID, open signer.SignOpen) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[session] = open
}

// cheats reports whether an operator's signer is to cheat in a session, and logs that it does.
func (p *plot) cheats(c crook, session signer.SessionID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	open, ok := p.open[session]
	if !ok || open.Intent.Wallet != p.wallet.ID() {
		return false
	}
	if p.crook.IsZero() && p.wallet.Seats()-len(p.wallet.SeatsOf(c.of)) >= p.threshold {
		p.crook = c.of
	}
	if p.crook != c.of {
		return false
	}
	if !slices.ContainsFunc(p.deeds, func(d deed) bool { return d.Attempt == open.Attempt }) {
		at := p.height()
		p.deeds = append(p.deeds, deed{
			Kind: deedCheat, Operator: c.of, Signer: c.id, Wallet: p.wallet.ID(), From: at, To: at, Attempt: open.Attempt, Signers: open.Signers,
		})
	}
	return true
}

// cheated reports whether an operator's signer has cheated in a session.
func (p *plot) cheated(op chain.Operator, session signer.SessionID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	open, ok := p.open[session]
	return ok && p.crook == op && slices.ContainsFunc(p.deeds, func(d deed) bool { return d.Attempt == open.Attempt })
}

// impersonation is a crook that answers in place of a signer.
type impersonation struct {
	vault *vault.Vault
	stop  context.CancelFunc
	ended chan error // receives the server's error once
}

// impersonate stops a signer and has a crook answer in its place: with its shares, its certificate and at its address.
func (e *enclave) impersonate(ctx context.Context, of chain.Operator, p *plot, d *devnet) (err error) {
	if err := e.halt(); err != nil {
		return err
	}
	settings, access, err := daemon.ReadSettings(filepath.Join(e.dir, daemon.SettingsFile))
	if err != nil {
		return err
	}
	id, err := daemon.LoadIdentity(settings.Certificate, settings.Key)
	if err != nil {
		return err
	}
	v, err := vault.Open(ctx, vault.Config{Dir: settings.Vault, PasswordFile: settings.PasswordFile, BlockTime: time.Duration(settings.BlockTime)})
	if err != nil {
		return err
	}
	server, err := daemon.NewServer(crook{v, of, e.id, p}, id, access, d.log.With("actor", of))
	if err != nil {
		return errors.Join(err, v.Close())
	}
	listener, err := new(stdnet.ListenConfig).Listen(ctx, "tcp", settings.Listen)
	if err != nil {
		return errors.Join(err, v.Close())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // it is stopped after the node that asks it
	e.crook = &impersonation{v, stop, make(chan error, 1)}
	go func() {
		err := server.Run(ctx, listener)
		if ctx.Err() == nil {
			d.fail(fmt.Errorf("the crook of operator %v ended: %w", of, errors.Join(errors.New("not asked to"), err)))
		}
		e.crook.ended <- err
	}()
	return nil
}

// unmask ends the crook in place of the signer, if there is one.
func (e *enclave) unmask() error {
	c := e.crook
	if c == nil {
		return nil
	}
	c.stop()
	err := <-c.ended
	e.crook = nil
	return errors.Join(err, c.vault.Close())
}

// conspire has crooks take the place of all signers that hold shares of the first wallet.
func (a *act) conspire(ctx context.Context) error {
	wallet := a.elections[0].wallet
	a.plot = &plot{
		wallet: wallet, threshold: a.cfg.threshold(), height: a.chain.Height, open: make(map[signer.SessionID]signer.SignOpen),
	}
	for _, s := range a.holdings.shares {
		if s.Wallet != wallet.ID() {
			continue
		}
		if err := a.operator(s.Operator).enclave(s.Signer).impersonate(ctx, s.Operator, a.plot, a.devnet); err != nil {
			return err
		}
	}
	return a.awaitSigners(ctx, a.chain.Height())
}

// disperse ends the crooks, takes over what they did, and starts the signers again.
func (a *act) disperse(ctx context.Context) error {
	if a.plot == nil {
		return nil
	}
	for _, o := range a.operators {
		for _, e := range o.enclaves {
			if e.crook == nil {
				continue
			}
			if err := e.unmask(); err != nil {
				return err
			}
			if err := e.start(ctx, a.cfg.Program, a.fail); err != nil {
				return err
			}
		}
	}
	a.deeds = append(a.deeds, a.plot.deeds...)
	return nil
}

// planCheat has crooks in place of signers.
func planCheat(stage) plan { return plan{cheats: true} }
