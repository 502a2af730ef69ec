package signing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// job is one intent that is to be signed, and with what.
type job struct {
	order     proposal.Order
	wallet    chain.Wallet
	key       signer.Key
	backend   signer.Backend
	term      signer.Term
	intent    signer.Intent
	digest    signer.Digest
	signables []signer.Signable // one for each input
	begun     uint32            // no attempt up to it is taken part in: it was begun before
	search    *search           // for the transaction that is to be spent; nil if nobody had to be asked
	// verify checks a signature, with another library than the one that made it.
	verify func(what signer.Signable, signature []byte) error
	// check looks at all signatures together, each of which is verified already.
	check func(signatures [][]byte) error
}

// ending is what a run came to: signatures, or an outcome, or neither because its context has ended.
type ending struct {
	signatures [][]byte
	attempt    uint32
	report     *Attempt     // of the attempt that ended so, if it was under way here; it is stored with the signatures
	standIn    chain.Height // from which the signatures are told to the others if nobody else has done so; 0 if they were told, or heard
	outcome    action.Outcome
	detail     string
}

// run makes attempts at one job. Everything in it belongs to the goroutine of sign; those of listening and of calls to the
// backend only send it what they have.
type run struct {
	job
	cfg      Config
	log      *slog.Logger
	topic    Topic
	schedule schedule

	lender  *lender
	boards  map[uint32]*board // of the attempt that is under way, and of the next
	bundles *bundles          // of the attempt that is under way
	current *attempt

	standing standing
	resting  chain.Height // what could not be written or read is tried again at a higher one
	lost     bool         // the wallet is not served under the job's term any more
	failed   int          // attempts in a row that the own backend ended
	last     string       // what became of the newest attempt, for people
	over     *ending

	ear        *ear
	goroutines sync.WaitGroup
	replies    chan reply // unbuffered
}

// maxBackendFailures is how many attempts in a row the own backend may end before it counts as unavailable.
const maxBackendFailures = 2

func newRun(cfg Config, j job, topic Topic, log *slog.Logger) *run {
	return &run{
		job: j, cfg: cfg, log: log, topic: topic, schedule: schedule{j.order.SigningStart(), j.order.SigningEnd()},
		lender: cfg.lender(j.wallet, j.order, j.intent.Transaction), boards: make(map[uint32]*board), bundles: newBundles(),
		standing: newStanding(), ear: newEar(topic), replies: make(chan reply),
	}
}

// sign makes attempts until one succeeds here or elsewhere, or there can be none any more. All it started has ended when it
// returns.
func (r *run) sign(ctx context.Context) ending {
	within, stop := context.WithCancel(ctx)
	defer r.handBack()
	defer stop()
	defer r.leave(ctx)
	r.goroutines.Go(func() { r.ear.listen(within, r.log) })
	for {
		changed := r.cfg.Clock.Changed() // before looking, so that no head is slept through
		r.advance(within, r.cfg.Clock.Height())
		if r.over != nil {
			return *r.over
		}
		select {
		case said := <-r.ear.heard:
			r.hear(within, said)
		case reply := <-r.replies:
			r.answered(reply)
			if a := reply.attempt; a.result != "" {
				r.fail(within, a, r.cfg.Clock.Height())
			}
		case <-changed:
		case <-ctx.Done():
			return ending{detail: r.last}
		}
	}
}

// handBack waits for all that the run has started. Whoever has the topic from now on hears what the run has not looked at.
func (r *run) handBack() {
	r.goroutines.Wait()
	r.topic = r.ear.rest()
}

func (r *run) closeTopic() {
	if err := r.topic.Close(); err != nil {
		r.log.Debug("Could not close a topic", "error", err)
	}
}

// advance does what is due at a height. It is called after everything that happens, and does nothing twice.
func (r *run) advance(ctx context.Context, height chain.Height) {
	number, now := r.schedule.at(height)
	if a := r.current; a != nil && (!now || a.number != number) {
		r.fail(ctx, a, height)
		r.current = nil
	}
	if r.over != nil || r.lost || ctx.Err() != nil {
		return
	}
	if !now { // results may still come
		if height >= r.schedule.start && r.failed > 0 {
			r.over = &ending{outcome: action.SignerUnavailable, detail: r.last}
		}
		return
	}
	if r.current == nil {
		for n := range r.boards {
			if n < number {
				delete(r.boards, n)
			}
		}
		r.bundles = newBundles()
		r.current = r.newAttempt(number, height)
	}
	r.drive(ctx, r.current, height)
}

// board returns what is heard of an attempt, if it is of this job and its time is now or next.
func (r *run) board(a about) *board {
	if a.wallet != r.wallet.ID() || a.window != r.order.Window || a.intent != r.digest {
		return nil
	}
	now, ok := r.schedule.at(max(r.cfg.Clock.Height(), r.schedule.start))
	if !ok || a.attempt < now || a.attempt > now+1 || a.attempt > r.schedule.attempts() {
		return nil
	}
	b := r.boards[a.attempt]
	if b == nil {
		b = newBoard()
		r.boards[a.attempt] = b
	}
	return b
}

// hear takes in what an operator said.
func (r *run) hear(ctx context.Context, said signer.Said) {
	if !r.wallet.Holds(said.By) {
		return
	}
	content, err := r.cfg.read(said)
	if err != nil {
		r.log.Debug("Ignored a message about a signature", "operator", said.By, "error", err)
		return
	}
	switch m := content.(type) {
	case announcement:
		if b := r.board(m.about); b != nil && len(seatsOf(r.wallet, said.By, m.seats)) == len(m.seats) {
			b.announce(said.By, m.seats)
		}
	case list:
		_, names := coordinator(r.wallet, r.digest, m.attempt)
		if b := r.board(m.about); b != nil && said.By == names && r.fits(m.seats) {
			b.name(m.seats, said.Signed, r.cfg.Clock.Height())
		}
	case bundle:
		if said.By != r.cfg.Self {
			r.bundles.add(said.By, step{m.session, m.round}, newSigned(said, r.cfg.Clock.Height()))
		}
	case result:
		if said.By != r.cfg.Self && r.standing.mayProve(said.By) {
			r.take(m)
		}
	case wanted:
		r.lender.hear(ctx, r.topic, said.By, m)
	}
}

// fits reports whether seats can sign: as many as are needed, all of the wallet.
func (r *run) fits(seats []chain.Seat) bool {
	return len(seats) == r.key.Threshold && int(seats[len(seats)-1]) <= r.wallet.Seats()
}

// take ends the run if a result is one.
func (r *run) take(m result) {
	if err := r.proves(m); err != nil {
		r.log.Debug("Ignored a result", "error", err)
		return
	}
	r.succeed(m.attempt, m.signatures)
}

// proves returns what is wrong with a result. Who says so does not matter: the signatures speak.
func (j *job) proves(m result) error {
	attempts := schedule{j.order.SigningStart(), j.order.SigningEnd()}.attempts()
	if m.about != (about{j.wallet.ID(), j.order.Window, j.digest, m.attempt}) || m.attempt > attempts || len(m.signatures) != len(j.signables) {
		return errors.New("it is about something else")
	}
	for i := range m.signatures {
		if err := j.verifyInput(i, m.signatures[i]); err != nil {
			return err
		}
	}
	return j.check(m.signatures)
}

func (j *job) verifyInput(input int, signature []byte) error {
	if err := j.verify(j.signables[input], signature); err != nil {
		return fmt.Errorf("verify the signature of input %d: %w", input, err)
	}
	return nil
}

// permitted reports whether the wallet is served under the job's term and the action is not revoked (rule R3). It is asked before
// the backend is, and before anything leaves.
func (r *run) permitted(ctx context.Context, height chain.Height) bool {
	if r.resting >= height {
		return false
	}
	if term, ok := r.cfg.Term(r.wallet.ID()); !ok || term != r.term {
		r.lost = true // the dispatcher is about to end ctx
		return false
	}
	revoked, err := r.cfg.Source.Revoked(ctx, r.wallet.ID(), r.order.Window)
	switch {
	case err != nil:
		r.rest(ctx, height, "Could not see whether an action is revoked", err)
		return false
	case revoked:
		r.over = &ending{outcome: action.Revoked, detail: r.last}
		return false
	}
	return true
}

// rest lets what failed rest until the next block.
func (r *run) rest(ctx context.Context, height chain.Height, message string, err error) {
	r.resting = height
	if ctx.Err() == nil && !errors.Is(err, chain.ErrNotServed) {
		r.log.Error(message, "error", err)
	}
}
