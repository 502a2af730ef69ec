package signing

import (
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// attempt is the part that is taken in one attempt.
type attempt struct {
	number      uint32
	begun       chain.Height
	coordinator chain.Operator
	announced   bool
	said        [][]byte // what was published, to be forgotten

	signers   []chain.Seat       // of the list, once there is one
	sessions  []signer.SessionID // of the inputs, since then
	operators []chain.Operator
	takesPart bool
	rounds

	over bool
	finding
}

func (r *run) newAttempt(number uint32, height chain.Height) *attempt {
	_, names := coordinator(r.wallet, r.digest, number)
	if r.boards[number] == nil {
		r.boards[number] = newBoard()
	}
	return &attempt{number: number, begun: height, coordinator: names, rounds: rounds{round: 1}}
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
	if !r.standing.allHere(b, r.wallet) && height < r.schedule.list(a.number) {
		return
	}
	choose := func(whom []candidate) []chain.Seat {
		return quorum(whom, r.cfg.Self, r.digest, a.number, r.key.Threshold)
	}
	seats := choose(r.standing.responsive(b))
	if seats == nil { // without those who were silent there are too few: silence may have been the network's
		seats = choose(r.standing.honest(b))
	}
	if seats == nil || !r.permitted(ctx, height) {
		return
	}
	// Heard back it is the same list; until then nobody else has one of this coordinator.
	b.list, b.named = seats, height
	r.publish(ctx, a, list{r.about(a), seats})
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
	a.blame(b)
	r.standing.cheats[b.Operator] = true
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
