package main

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// maxKeygenProof is more than any proof about a key generation has, in bytes: of each round a message of 1 MiB at most.
const maxKeygenProof = 64 << 20

func walletProofCommand() *cli.Command {
	return &cli.Command{
		Name:      "proof",
		Usage:     "say whom the proof of a failed key generation names, and write it for others",
		ArgsUsage: "SESSION",
		Description: "Two messages in which an operator contradicts itself, or a share that was dealt and opened: both were signed, and are judged here by\n" +
			"these signatures alone. \"wallets pending --all\" names the sessions. The store is read whether or not a node runs; with --file a\n" +
			"proof that somebody else has written is judged, without store, node or network.\n\n" +
			"Exit code 0: the proof names somebody. 1: it proves nothing against anybody.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "also write the proof to this new `FILE`"},
			&cli.StringFlag{Name: "file", Usage: "judge the proof in this `FILE`, in place of a SESSION"},
			jsonFlag(),
		},
		Action: judgeKeygenProof,
	}
}

// keygenProof is the file: what an operator signed to invite the others, and the messages that name somebody.
type keygenProof struct {
	Invitation []byte   `json:"invitation"`
	Messages   [][]byte `json:"messages"`
}

// keygenVerdict is what it comes to: who has broken it, in the order of the roster.
type keygenVerdict struct {
	Session  string          `json:"session"`
	Culprits []keygenCulprit `json:"culprits"`
}

type keygenCulprit struct {
	Operator chain.Operator `json:"operator"`
	Why      string         `json:"why"`
}

func judgeKeygenProof(c *cli.Context) error {
	named := 1
	if c.IsSet("file") {
		named = 0
	}
	if err := arguments(c, named, named); err != nil {
		return err
	}
	p, err := obtainKeygenProof(c)
	if err != nil {
		return err
	}
	inv, err := keygen.ReadInvitation(p.Invitation)
	if err != nil {
		return exit(codeFailure, fmt.Errorf("the proof's invitation: %w", err))
	}
	if name := c.String("output"); name != "" {
		data, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := writeNew(name, append(data, '\n')); err != nil {
			return err
		}
	}
	findings, err := keygen.Examine(c.Context, p.Invitation, p.Messages, vault.Judge)
	if err != nil {
		return exit(codeFailure, err)
	}
	verdict := keygenVerdict{Session: inv.Session().String()}
	text := fmt.Sprintf("session %v\n", inv.Session())
	for _, f := range findings {
		verdict.Culprits = append(verdict.Culprits, keygenCulprit{f.Culprit, f.Why})
		text += fmt.Sprintf("  culprit  %v\n  why      %s\n", f.Culprit, f.Why)
	}
	return say(c, verdict, "%s", text)
}

// obtainKeygenProof reads a proof from a file, or what the store has of a session.
func obtainKeygenProof(c *cli.Context) (p keygenProof, err error) {
	if c.IsSet("file") {
		data, err := readBounded(c.App.Reader, c.String("file"), maxKeygenProof)
		if err != nil {
			return p, exit(codeUsage, err)
		}
		if err := json.Unmarshal(data, &p); err != nil {
			return p, exit(codeFailure, fmt.Errorf("the file is no proof that \"wallets proof\" writes: %w", err))
		}
		return p, nil
	}
	session, err := signer.ParseSessionID(c.Args().First())
	if err != nil {
		return p, exit(codeUsage, err)
	}
	cfg, err := readConfig(c)
	if err != nil {
		return p, err
	}
	err = inStore(c, cfg, func(r *store.Reader) error {
		row, known, err := r.Keygen(c.Context, session)
		switch {
		case err != nil:
			return err
		case !known:
			return lost(fmt.Errorf("%w: key generation %v", store.ErrNotFound, session), "wallets pending --all")
		case len(row.Proof) == 0:
			return lost(fmt.Errorf("%w: there is no proof about key generation %v, which is %s: %s", store.ErrNotFound, session, row.State, row.Detail), "wallets pending --all")
		}
		p = keygenProof{row.Invitation, row.Proof}
		return nil
	})
	return p, err
}
