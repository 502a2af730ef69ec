package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// attempt is the part that is taken in one attempt.
type attempt struct {
	number      uint32
	begun       chain.Height
	coordinator chain.Operator
	announced   bool
	said        [][]byte // what was published, to be forgotten

	signers    []chain.Seat       // of the list, once there is one
	sessions   []signer.SessionID // of the inputs, since then
	operators  []chain.Operator
	takesPart  bool
	input      int
	round      int // that the backend is asked for next, from 1
	calling    bool
	asked      chain.Height    // when the backend was called last
	words      []signer.Parcel // what the backend said in the round before, and has not left yet
	speaks     bool            // there are words
	after      *signer.Outcome // what the session came to, once the words have left
	signatures [][]byte
	opened     []signer.SessionID

	over   bool
	result Result
	detail string
	blames []Blame
}

// reply is what the backend answered.
type reply struct {
	attempt *attempt
	answer  signer.RoundReply
	err     error
}

func (r *run) newAttempt(number uint32, height chain.Height) *attempt {
	_, names := coordinator(r.wallet, r.digest, number)
	if r.boards[number] == nil {
		r.boards[number] = newBoard()
	}
	return &attempt{number: number, begun: height, coordinator: names, round: 1}
}

func (r *run) about(a *attempt) about {
	return about{r.wallet.ID(), r.order.Window, r.digest, a.number}
}

// drive does what is due in an attempt.
func (r *run) drive(ctx context.Context, a *attempt, height chain.Height) {
	if a.over {
		return
	}
	if height >= r.schedule.deadline(a.number) {
		r.fail(ctx, a, height)
		return
	}
	r.announce(ctx, a, height)
	r.nameSigners(ctx, a, height)
	r.readList(a)
	r.findCheats(a)
	if a.result != "" {
		r.fail(ctx, a, height)
		return
	}
	if a.takesPart && !a.calling && r.over == nil && !r.lost {
		r.goOn(ctx, a, height)
	}
}

// announce says that the own seats are ready, unless this attempt was begun before, by this process or another one: then
// nobody knows any more what was said in it.
func (r *run) announce(ctx context.Context, a *attempt, height chain.Height) {
	if a.announced || a.number <= r.begun || height < r.schedule.announce(a.number) || !r.permitted(ctx, height) {
		return
	}
	if err := r.cfg.Log.BeginAttempt(ctx, r.wallet.ID(), r.order.Window, a.number); err != nil {
		r.rest(ctx, height, "Could not record that an attempt to sign begins", err)
		return
	}
	a.announced = true
	r.boards[a.number].announce(r.cfg.Self, r.key.Seats)
	r.publish(ctx, a, announcement{r.about(a), r.key.Seats})
}

// nameSigners is the coordinator's part: once all that can be expected are heard, or nobody is waited for any more.
func (r *run) nameSigners(ctx context.Context, a *attempt, height chain.Height) {
	b := r.boards[a.number]
	if a.coordinator != r.cfg.Self || !a.announced || b.list != nil {
		return
	}
	if !r.allHere(b) && height < r.schedule.list(a.number) {
		return
	}
	seats := quorum(r.candidates(b, r.silent), r.cfg.Self, r.digest, a.number, r.key.Threshold)
	if seats == nil { // without those who were silent there are too few: silence may have been the network's
		seats = quorum(r.candidates(b, nil), r.cfg.Self, r.digest, a.number, r.key.Threshold)
	}
	if seats == nil || !r.permitted(ctx, height) {
		return
	}
	// Heard back it is the same list; until then nobody else has one of this coordinator.
	b.list, b.named = seats, height
	r.publish(ctx, a, list{r.about(a), seats})
}

// allHere reports whether everybody who can be named has announced itself.
func (r *run) allHere(b *board) bool {
	for _, op := range r.wallet.Roster() {
		if b.announced[op] == nil && !r.silent[op] && !r.cheats[op] {
			return false
		}
	}
	return true
}

// candidates returns the announced operators without cheats and without some others, in no order that matters.
func (r *run) candidates(b *board, without map[chain.Operator]bool) []candidate {
	var found []candidate
	for op, seats := range b.announced {
		if !r.cheats[op] && !without[op] {
			found = append(found, candidate{op, seats, r.suspect[op]})
		}
	}
	return found
}

// readList takes the coordinator's list, and breaks the attempt if there are two.
func (r *run) readList(a *attempt) {
	b := r.boards[a.number]
	if b.broken() != nil {
		seat, _ := coordinator(r.wallet, r.digest, a.number)
		r.accuse(a, Blame{Operator: a.coordinator, Seat: int(seat), Misdeed: MisdeedLists, Detail: "it named two sets of signers", Proof: b.broken()})
		return
	}
	if a.signers != nil || b.list == nil {
		return
	}
	a.signers = b.list
	for input := range r.signables {
		a.sessions = append(a.sessions, signer.SigningSession(r.digest, input, a.number, a.signers))
	}
	a.operators = operatorsOf(r.wallet, a.signers)
	a.takesPart = a.announced && slices.Contains(a.operators, r.cfg.Self)
	for _, s := range seatsOf(r.wallet, r.cfg.Self, a.signers) {
		a.takesPart = a.takesPart && slices.Contains(r.key.Seats, s)
	}
}

// findCheats looks for signers who said two things in one round.
func (r *run) findCheats(a *attempt) {
	if !r.bundles.differs { // it is asked after every word
		return
	}
	for input := range a.sessions {
		for _, op := range a.operators {
			if proof := r.bundles.split(op, a.sessions[input]); proof != nil {
				r.accuse(a, Blame{Operator: op, Misdeed: MisdeedBundles, Detail: "it signed two bundles of one round", Proof: proof})
			}
		}
	}
}

// accuse breaks the attempt for an operator's misdeed; it is left out from then on.
func (r *run) accuse(a *attempt, b Blame) {
	b.Attempt = a.number
	a.result, a.detail = ResultCheated, fmt.Sprintf("%v: %s", b.Operator, b.Detail)
	r.cheats[b.Operator] = true
	if !slices.ContainsFunc(a.blames, func(o Blame) bool { return o.Operator == b.Operator && o.Misdeed == b.Misdeed }) {
		a.blames = append(a.blames, b)
	}
}

// goOn sends what the backend said, and asks it for the next round once everybody has spoken in the one before.
func (r *run) goOn(ctx context.Context, a *attempt, height chain.Height) {
	if a.speaks {
		if !r.permitted(ctx, height) {
			return
		}
		r.publish(ctx, a, bundle{a.sessions[a.input], a.round - 1, a.words})
		a.words, a.speaks = nil, false
	}
	if a.after != nil {
		r.finishInput(ctx, a)
		if a.result != "" {
			r.fail(ctx, a, height)
		}
		if a.over || a.input == len(r.signables) {
			return
		}
	}
	request := signer.SignRound{Session: a.sessions[a.input], Round: a.round, Term: r.term}
	if a.round == 1 {
		request.Open = &signer.SignOpen{Intent: r.intent, Input: a.input, Attempt: a.number, Signers: a.signers}
	} else {
		before := step{request.Session, a.round - 1}
		for _, op := range a.operators {
			if op == r.cfg.Self {
				continue
			}
			said, ok := r.bundles.get(op, before)
			if !ok {
				return
			}
			request.In = append(request.In, said)
		}
	}
	if !r.permitted(ctx, height) {
		return
	}
	if a.round == 1 {
		a.opened = append(a.opened, request.Session)
	}
	a.calling, a.asked = true, r.cfg.Clock.Height() // what was published before may have taken its time
	r.goroutines.Go(func() {
		answer, err := r.backend.Sign(ctx, request)
		select {
		case r.replies <- reply{a, answer, err}:
		case <-ctx.Done():
		}
	})
}

// answered takes what the backend said. What comes after the attempt is over is dropped: others do not wait for it any more.
func (r *run) answered(said reply) {
	a := said.attempt
	a.calling = false
	if a.over {
		return
	}
	if said.err != nil {
		r.refused(a, said.err)
		return
	}
	for _, c := range said.answer.Culprits {
		holder, ok := r.wallet.At(c.Seat)
		if !ok || holder != c.By || c.By == r.cfg.Self {
			r.log.Warn("The backend blames a seat that cannot have broken the attempt", "seat", c.Seat, "operator", c.By)
			continue
		}
		r.accuse(a, Blame{Operator: c.By, Seat: int(c.Seat), Misdeed: MisdeedScheme, Detail: c.Detail})
	}
	switch {
	case a.result != "":
	case len(said.answer.Culprits) > 0:
		a.result, a.detail = ResultUnsound, "the session broke, and nobody can be told to have done it"
	case a.round >= maxRounds:
		a.result, a.detail = ResultBackend, fmt.Sprintf("the backend wants more than %d rounds", maxRounds)
	default:
		a.round++
		a.words, a.speaks, a.after = said.answer.Out, len(said.answer.Out) > 0 || said.answer.Done == nil, said.answer.Done
	}
}

// refused takes an error of the backend. A rule ends the action, unless it is one that another attempt may satisfy.
func (r *run) refused(a *attempt, err error) {
	refusal, isRefusal := errors.AsType[*signer.Refused](err)
	switch {
	case isRefusal && (refusal.Rule == signer.RuleNonce || refusal.Rule == signer.RuleSeats || refusal.Rule == signer.RuleFeed):
		a.result, a.detail = ResultBackend, err.Error()
	case isRefusal, errors.Is(err, signer.ErrFrozen), errors.Is(err, signer.ErrForbidden):
		a.result, a.detail = ResultBackend, err.Error()
		r.over = &ending{outcome: action.SignerRefused, detail: err.Error()}
	case errors.Is(err, signer.ErrBackendFailed):
		a.result, a.detail = ResultBackend, err.Error()
		r.over = &ending{outcome: action.SignerUnavailable, detail: err.Error()}
	case errors.Is(err, signer.ErrSplit), errors.Is(err, signer.ErrSessionGone):
		a.result, a.detail = ResultUnsound, err.Error() // it broke, or the backend has begun anew: another attempt may do better
	default:
		a.result, a.detail = ResultBackend, err.Error()
	}
}

// finishInput looks at what a session came to.
func (r *run) finishInput(ctx context.Context, a *attempt) {
	signature := a.after.Signature
	a.after = nil
	if err := r.verifyInput(a.input, signature); err != nil {
		a.result, a.detail = ResultUnsound, err.Error()
		return
	}
	a.signatures = append(a.signatures, signature)
	a.input++
	a.round = 1
	if a.input < len(r.signables) {
		return
	}
	if err := r.check(a.signatures); err != nil {
		a.result, a.detail = ResultUnsound, err.Error()
		return
	}
	turn := slices.Index(a.operators, r.cfg.Self)
	if turn == 0 {
		r.publish(ctx, nil, result{r.about(a), a.signatures})
	}
	r.succeed(a.number, a.signatures)
	if turn > 0 {
		r.over.standIn = r.cfg.Clock.Height() + chain.Height(turn)*resultTurn
	}
}

// resultTurn is how many blocks each of the signers, in their order, gives those before it to tell the others what came of it. The first
// tells it at once; one that loses its power in that moment, or keeps it to itself, is stood in for.
const resultTurn chain.Height = 2

// succeed ends the run with signatures that were verified. An attempt that is under way while those of an earlier one come in
// is left without a result.
func (r *run) succeed(number uint32, signatures [][]byte) {
	r.over = &ending{signatures: signatures, attempt: number}
	if a := r.current; a != nil && !a.over && a.number == number {
		a.result, a.detail = ResultSigned, ""
		report := r.report(a, r.cfg.Clock.Height())
		r.over.report = &report
	}
}

// publish says something in an attempt. What cannot be said is as good as lost on the way.
func (r *run) publish(ctx context.Context, a *attempt, content any) {
	data := encode(content)
	if err := r.topic.Publish(ctx, data); err != nil && ctx.Err() == nil {
		r.log.Warn("Could not speak about the wallet's signature", "error", err)
		return
	}
	if a != nil {
		a.said = append(a.said, data)
	}
}

// fail ends an attempt that has not succeeded, and draws the conclusions for those that follow.
func (r *run) fail(ctx context.Context, a *attempt, height chain.Height) {
	if a.over {
		return
	}
	r.explain(a, height)
	r.close(ctx, a, height)
	r.last = fmt.Sprintf("attempt %d: %s: %s", a.number, a.result, a.detail)
	if a.result == ResultBackend {
		r.failed++
	} else {
		r.failed = 0
	}
	if r.failed >= maxBackendFailures && r.over == nil {
		r.over = &ending{outcome: action.SignerUnavailable, detail: a.detail}
	}
}

// close records an attempt that is over without a signature, and lets go what it holds.
func (r *run) close(ctx context.Context, a *attempt, height chain.Height) {
	report := r.report(a, height)
	if err := r.cfg.Log.EndAttempt(ctx, r.wallet.ID(), r.order.Window, report, a.blames); err != nil {
		r.rest(ctx, height, "Could not record how an attempt to sign ended", err)
	}
	r.goroutines.Go(func() { r.abort(ctx, a.opened) })
}

// report ends an attempt, and says what became of it.
func (r *run) report(a *attempt, height chain.Height) Attempt {
	a.over = true
	r.forget(a)
	b := r.boards[a.number]
	report := Attempt{
		Number: a.number, Begun: a.begun, Ended: height, Coordinator: a.coordinator, Active: b.active(), Absent: r.absent(b), Missing: b.missing(r.wallet),
		Whole: a.begun <= r.schedule.announce(a.number), Result: a.result, Detail: a.detail,
	}
	for _, s := range a.signers {
		report.Signers = append(report.Signers, int(s))
	}
	if a.result == ResultSilent {
		report.Silent = r.quiet(a)
		for _, op := range report.Silent { // all at once: one after the other would take an attempt each
			r.silent[op] = true
		}
	}
	r.log.Debug("An attempt to sign ended", "attempt", a.number, "result", a.result, "detail", a.detail, "active", report.Active)
	r.cfg.Observe(r.order, report)
	return report
}

// forget ends the repetition of what was said in an attempt.
func (r *run) forget(a *attempt) {
	for _, data := range a.said {
		r.topic.Forget(data)
	}
	a.said = nil
}

// leave lets go the attempt under way, if the run ends in it.
func (r *run) leave(ctx context.Context) {
	if a := r.current; a != nil && !a.over {
		a.over = true
		r.forget(a)
		r.abort(context.WithoutCancel(ctx), a.opened) // above all when it was revoked
	}
}

// abortTimeout bounds the call that makes the backend forget a session's secrets. It forgets them in time by itself.
const abortTimeout = time.Second

func (r *run) abort(ctx context.Context, sessions []signer.SessionID) {
	ctx, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	for _, session := range sessions {
		if err := r.backend.Abort(ctx, session); err != nil {
			r.log.Debug("Could not make the backend forget a session", "session", session, "error", err)
		}
	}
}

// absent returns the operators who did not announce themselves.
func (r *run) absent(b *board) []chain.Operator {
	var missing []chain.Operator
	for _, op := range operatorsOf(r.wallet, allSeats(r.wallet)) {
		if b.announced[op] == nil {
			missing = append(missing, op)
		}
	}
	return missing
}
