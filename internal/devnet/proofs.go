package devnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/store"
)

// proved reports whether every honest operator holds the proofs that the scenario demands of the window.
func (a *act) proved(ctx context.Context) (bool, error) {
	for _, slot := range a.scenario.toProve(a.window.Block, a.elections, a.deeds) {
		for _, o := range a.operators {
			if o.running == nil || slices.Contains(a.plan.down, o.address) || !a.wallet(slot.Wallet).Holds(o.address) {
				continue
			}
			held, err := o.proofs(ctx, exchange.ProofFilter{Culprit: slot.Operator, Wallet: &slot.Wallet, From: slot.Window, To: slot.Window})
			if err != nil || len(held) == 0 {
				return false, err
			}
		}
	}
	return true, nil
}

func (a *act) wallet(id chain.WalletID) chain.Wallet {
	for _, w := range a.wallets {
		if w.ID() == id {
			return w
		}
	}
	return chain.Wallet{}
}

// proofs reads what the node has stored, as anybody could.
func (o *operator) proofs(ctx context.Context, f exchange.ProofFilter) (held []exchange.StoredProof, err error) {
	err = o.read(ctx, func(r *store.Reader) error {
		held, err = r.Proofs(ctx, f)
		return err
	})
	return held, err
}

// examine looks into every proof that a node holds. Where the scenario is about proofs, those of the window are given to the verifier,
// in a process of its own; what it has beside the proof is the wallet's list of operators as the chain has it.
func (a *act) examine(ctx context.Context, o *operator) ([]proofFacts, error) {
	held, err := o.proofs(ctx, exchange.ProofFilter{})
	if err != nil {
		return nil, err
	}
	var facts []proofFacts
	for _, p := range held {
		decoded, err := evidence.Decode(p.Encoded)
		if err != nil {
			return nil, fmt.Errorf("operator %v holds proof %s, which is none: %w", o.address, p.ID, err)
		}
		it := proofFacts{Proof: decoded}
		if a.scenario.proves && decoded.Slot().Window == a.window.Block {
			if it.Exit, err = a.verify(ctx, decoded); err != nil {
				return nil, err
			}
		}
		facts = append(facts, it)
	}
	return facts, nil
}

// verify returns what "walletnode evidence verify" ends with.
func (a *act) verify(ctx context.Context, p evidence.Proof) (code int, err error) {
	dir, err := os.MkdirTemp(a.cfg.Dir, "verify-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := a.wallet(p.Slot().Wallet)
	list, err := json.Marshal(map[string]any{"chain": localchain.ChainID, "walletPublicKey": w.Key().String(), "operators": w.Roster()})
	if err != nil {
		return 0, err
	}
	proof, operators := filepath.Join(dir, "proof"), filepath.Join(dir, "operators.json")
	if err := errors.Join(os.WriteFile(proof, p.Encode(), 0o600), os.WriteFile(operators, list, 0o600)); err != nil {
		return 0, err
	}
	program := a.cfg.Program
	command := exec.CommandContext(ctx, program[0], //nolint:gosec // the caller's choice
		append(program[1:len(program):len(program)], "evidence", "verify", proof, "--operators", operators)...)
	command.Env = ownEnvironment(os.Environ())
	err = command.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}
