package keygen

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// play is our part in one key generation. Its goroutine owns the row; others see what Service.Statuses shows.
type play struct {
	s        *Service
	log      *slog.Logger
	inv      Invitation
	declined chan struct{} // closed when the operator declines
	enough   chan struct{} // closed when it has lingered for long enough
	heard    *hearing

	row      Row
	topic    Topic
	backend  signer.Backend
	opened   []signer.Opened            // what our backend has opened when it ended
	bundles  [][]byte                   // what we have said in rounds, which is repeated
	played   bool                       // all rounds were played in this run: what we said in them is repeated
	settled  map[pair]bool              // complaints that were judged, which is done once
	findings map[chain.Operator]finding // by who has broken it
	passedOn map[chain.Operator]bool    // whose attestations we have said for others
	examines bool                       // a proof is examined, in which each message is there for something

	mu       sync.Mutex
	progress Progress
}

// Progress is where a key generation that runs here is.
type Progress struct {
	Round   int              // from 1; 0 before the first and after the last
	Awaited []chain.Operator // who has not said what is waited for now
	Since   time.Time        // since when it is waited for
}

func newPlay(s *Service, inv Invitation, row Row) *play {
	return &play{
		s: s, log: s.cfg.Logger.With("session", row.Session), inv: inv,
		declined: make(chan struct{}), enough: make(chan struct{}), heard: newHearing(inv, row, s.self), row: row,
		settled: map[pair]bool{}, findings: map[chain.Operator]finding{}, passedOn: map[chain.Operator]bool{},
	}
}

// failure is why a key generation ends without a key.
type failure struct {
	why      string
	culprits []chain.Operator // who is said to have broken it; who is merely away is named in why alone
	proof    [][]byte
}

func (f *failure) Error() string { return f.why }

// run plays from where the row is to the end.
func (p *play) run(ctx context.Context) {
	if err := p.refresh(ctx); err != nil {
		return // the node stops, or somebody else has decided
	}
	topic, err := p.openTopic(ctx)
	if err != nil {
		return // the node stops
	}
	p.topic = topic
	p.heard.recallAcceptances(p.row.Acceptances)
	ctx, leave := context.WithCancel(ctx)
	var ear sync.WaitGroup
	ear.Go(func() { p.listen(ctx) })
	defer func() {
		leave()
		ear.Wait()
		if err := topic.Close(); err != nil {
			p.log.DebugContext(ctx, "Topic was not closed", "error", err)
		}
	}()
	p.act(ctx)
}

// refresh reads the whole row. The operator may have declined meanwhile.
func (p *play) refresh(ctx context.Context) error {
	return p.s.persist(ctx, "read a key generation", func(ctx context.Context) error {
		row, ok, err := p.s.cfg.Log.Keygen(ctx, p.row.Session)
		if err != nil {
			return err
		}
		if !ok || row.State != p.row.State {
			return ErrOtherState
		}
		p.row = row
		return nil
	})
}

// openTopic opens the session's topic, if it takes several attempts.
func (p *play) openTopic(ctx context.Context) (Topic, error) {
	for told := false; ; told = true {
		topic, err := p.s.cfg.Network.OpenTopic(TopicOf(p.row.Session), p.inv.Operators())
		if err == nil {
			return topic, nil
		}
		if !told {
			p.log.WarnContext(ctx, "Topic of a key generation cannot be opened yet", "error", err)
		}
		if err := pause.For(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// listen takes in what is said, and answers what has to be answered at once.
func (p *play) listen(ctx context.Context) {
	shown, accepted := map[chain.Operator]bool{}, map[chain.Operator]bool{}
	for {
		said, err := p.topic.Next(ctx)
		if err != nil {
			return // the topic or the node ends
		}
		m := p.heard.take(said)
		if m == nil || said.By == p.s.self {
			continue
		}
		if _, complaint := m.GetBody().(*pb.SignerMessage_Complaint); complaint {
			p.show(ctx, shown, accepted)
		}
	}
}

// act goes through the states.
func (p *play) act(ctx context.Context) {
	var err error
	if p.row.State == Running || p.row.State == Attesting || p.row.State == Failed {
		p.acceptAgain(ctx)
	}
	if p.row.State == Accepted {
		err = p.gather(ctx)
	}
	if err == nil && p.row.State == Running {
		err = p.generate(ctx)
	}
	if err == nil && (p.row.State == Attesting || p.row.State == Failed) {
		err = p.attest(ctx)
	}
	if err == nil && p.row.State == Active {
		err = p.linger(ctx)
	}
	var failed *failure
	if errors.As(err, &failed) {
		err = p.fail(ctx, failed)
	}
	if err != nil && !errors.Is(err, errDeclined) && ctx.Err() == nil {
		p.log.WarnContext(ctx, "Key generation is somebody else's now", "error", err)
	}
}

// errDeclined says that the operator has declined; the row says so already.
var errDeclined = errors.New("declined")

// gather invites and accepts until all have accepted.
func (p *play) gather(ctx context.Context) error {
	// Everybody who accepts hands the invitation on: not every operator is connected to the one who invites. Those who have
	// accepted as well hear how long it stands open: the same one may have been signed for a longer time, and for a shorter.
	p.s.cfg.Network.Invite(p.row.Invitation)
	defer func() { p.s.cfg.Network.Withdraw(p.row.Invitation) }()
	open := encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Invitation{Invitation: p.row.Invitation}})
	accept := encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Acceptance{Acceptance: p.row.Acceptances[0]}})
	for _, data := range [][]byte{open, accept} {
		if err := p.say(ctx, data); err != nil {
			return err
		}
	}
	err := p.await(ctx, 0, p.patience, func() (absent []chain.Operator) {
		_, absent = p.heard.accepted()
		return absent
	}, "did not accept in time")
	if errors.Is(err, errDeclined) {
		if err := p.complain(ctx, &failure{why: "the operator has declined"}); err != nil {
			return err
		}
		if err := pause.For(ctx, comparing); err != nil { // the topic repeats it meanwhile
			return err
		}
	}
	if err != nil {
		return err
	}
	all, _ := p.heard.accepted()
	p.row.Acceptances = all
	return p.save(ctx, Running, "")
}

// patience is until when acceptances are awaited: as long as the invitation stands open by the latest word, and however short
// that is, for a round's time after our own.
func (p *play) patience() time.Time {
	if doc, inv := p.heard.standing(); inv.Expires.After(p.inv.Expires) {
		p.s.cfg.Network.Withdraw(p.row.Invitation)
		p.s.cfg.Network.Invite(doc)
		p.row.Invitation, p.inv = doc, inv // saved with the next state
	}
	if least := p.row.Changed.Add(p.s.cfg.RoundTime); least.After(p.inv.Expires) {
		return least
	}
	return p.inv.Expires
}

// await waits until nobody is absent any more. A deadline that passes, somebody's end, and a contradiction are failures.
func (p *play) await(ctx context.Context, round int, deadline func() time.Time, absent func() []chain.Operator, what string) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	since := time.Now()
	for {
		changed := p.heard.next()
		timer.Reset(time.Until(deadline()))
		missing := absent()
		p.note(Progress{round, missing, since})
		p.contradictions()
		if f := p.found(); f != nil {
			return f
		}
		if others := p.heard.toldOthers(); len(others) > 0 && round > 0 { // not before we have said what we were told
			return &failure{why: "other acceptances than we were told " + names(others)} // by whom shows when both sides show theirs
		}
		if len(missing) == 0 {
			return nil
		}
		if f := p.proven(ctx, false); f != nil {
			return f
		}
		if by, e, ok := p.heard.over(); ok {
			return &failure{why: fmt.Sprintf("%v has ended it: %s%s", by, e.why, accusing(e.accused))}
		}
		select {
		case <-changed:
		case <-timer.C:
			return &failure{why: names(missing) + " " + what} // away is no misdeed: nobody is accused
		case <-p.declined:
			return errDeclined
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *play) note(now Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.progress = now
}

// save writes the row down in a new state, and goes on only when that is done.
func (p *play) save(ctx context.Context, state State, detail string) error {
	from := p.row.State
	p.row.State, p.row.Detail, p.row.Changed = state, detail, time.Now()
	return p.s.persist(ctx, "save a key generation", func(ctx context.Context) error {
		return p.s.cfg.Log.SaveKeygen(ctx, p.row, from)
	})
}

// say publishes, if it takes several attempts. Saying it again later is the topic's affair. What is too large stays so.
func (p *play) say(ctx context.Context, data []byte) error {
	deadline := time.Now().Add(p.s.cfg.RoundTime)
	for {
		err := p.topic.Publish(ctx, data)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, wire.ErrTooLarge) {
			return tooLarge(len(data), maxBundle-signatures)
		}
		if time.Now().After(deadline) {
			return &failure{why: "our part cannot be said: " + err.Error()}
		}
		if err := pause.For(ctx, time.Second); err != nil {
			return err
		}
	}
}

// names writes operators for people.
func names(operators []chain.Operator) string {
	list := make([]string, len(operators))
	for i, op := range operators {
		list[i] = op.String()
	}
	return strings.Join(list, ", ")
}

func accusing(operators []chain.Operator) string {
	if len(operators) == 0 {
		return ""
	}
	return " (it accuses " + names(operators) + ")"
}

// callNonce is how many bytes of a call are drawn at random; the addresses of whose attestations are missed follow.
const callNonce = 16

// newCall makes a message that asks for attestations once more: each for its own, and whoever has them for those of others.
func newCall(missed ...chain.Operator) []byte {
	call := make([]byte, callNonce)
	rand.Read(call) // never fails
	for _, op := range missed {
		call = append(call, op[:]...)
	}
	return encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Call{Call: call}})
}
