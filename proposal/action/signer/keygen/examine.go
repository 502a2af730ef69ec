package keygen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// ErrUnproven says that messages prove nothing against anybody.
var ErrUnproven = errors.New("the messages prove nothing against anybody")

// Finding says who has broken a key generation, and how.
type Finding struct {
	Culprit chain.Operator
	Why     string
}

// Examine says whom the proof of a failed key generation names, and why, in the order of the roster: from the signed invitation and the signed messages alone, as
// Row has them, so that whoever is given both can tell. What was decided because somebody had not shown something in time is no such
// proof, since anybody can leave messages out: ErrUnproven.
func Examine(ctx context.Context, invitation []byte, proof [][]byte, judge Judge) ([]Finding, error) {
	inv, err := ReadInvitation(invitation)
	if err != nil {
		return nil, err
	}
	session := inv.Session()
	heard := newHearing(inv, Row{Session: session, Invitation: invitation}, chain.Operator{})
	for i, signed := range proof {
		said, err := saidOn(TopicOf(session), signed)
		if err == nil {
			heard.take(said)
			continue
		}
		if _, other := ReadAcceptance(signed); other != nil {
			if _, other = readAttestation(signed, nil); other != nil {
				return nil, fmt.Errorf("message %d of the proof: %w: %w", i+1, ErrDocument, err)
			}
		}
		heard.recallAcceptances([][]byte{signed})
		heard.recall([][]byte{signed})
	}
	p := &play{
		s: &Service{cfg: Config{Judge: judge}}, log: slog.New(slog.DiscardHandler), inv: inv, heard: heard, row: Row{Session: session},
		settled: map[pair]bool{}, findings: map[chain.Operator]finding{}, examines: true,
	}
	if p.proven(ctx, false) == nil {
		return nil, ErrUnproven
	}
	var named []Finding
	for _, op := range heard.operators {
		if f, ok := p.findings[op]; ok {
			named = append(named, Finding{op, f.why})
		}
	}
	return named, nil
}

// saidOn reads what an operator said on a topic.
func saidOn(topic string, signed []byte) (signer.Said, error) {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return signer.Said{}, err
	}
	if message.Topic() != topic {
		return signer.Said{}, errors.New("it was said elsewhere")
	}
	author, err := message.Verify()
	if err != nil {
		return signer.Said{}, err
	}
	return signer.Said{By: author.Operator(), Data: message.Data(), Signed: signed}, nil
}
