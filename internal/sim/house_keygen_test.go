package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// houseRound is how long a round of a key generation may take: as many blocks as with Ethereum's.
const houseRound = 50 * houseBlock

// ceremony is a key generation that the weather may interrupt.
type ceremony struct {
	session signer.SessionID
	roster  []chain.Operator
	found   chain.Height   // when the world first saw it in a store
	spent   map[*firm]bool // who put a copy in his database's place since: he may have accepted already, and accepts no more
	lost    bool           // an operator's database has forgotten it, or some of it: he put a copy in its place
	wallet  chain.Wallet   // once it is active somewhere
	active  chain.Height   // since when it has been that everywhere; 0 while it is not
}

// of reports whether an operator has a seat.
func (c *ceremony) of(f *firm) bool { return slices.Contains(c.roster, f.op) }

// demanded reports whether all operators of the wallet have had it since before a window.
func (c *ceremony) demanded(window chain.Height) bool {
	return c.active > 0 && !c.lost && c.active+settling <= window
}

// generates reports whether a plan has wallets be made.
func (p plan) generates() bool {
	return slices.ContainsFunc(p.events, func(e event) bool { return e.kind == making })
}

// makes has an operator ask others for a wallet: all of them, or one. It is not known what becomes of that: his store or signer may be away.
func (h *house) makes(e event) {
	all := h.all()
	if i := all[e.who%len(all)]; i.node != nil && i.life.hears() {
		roster := []chain.Operator{i.op}
		for n, f := range h.firms {
			if f != i.firm && (e.n%3 == 0 || n == (i.n+1+e.n/3%2)%len(h.firms)) {
				roster = append(roster, f.op)
			}
		}
		i.invites(roster, 2)
	}
}

// asking bounds how long an operator waits for what he asks of an instance.
const asking = 20 * time.Second

func (i *instance) invites(roster []chain.Operator, threshold int) {
	service, asked := i.node.Keygen(), i.asked
	go func() {
		asked <- struct{}{} // one decision at a time: time stands still while another one waits for a mutex
		defer func() { <-asked }()
		ctx, cancel := context.WithTimeout(context.Background(), asking)
		defer cancel()
		_, _ = service.Create(ctx, keygen.Request{Roster: roster, Threshold: threshold, Scheme: signer.FROST}) // stores tell
	}()
}

// ceremonies looks at all key generations, and has operators accept invitations, each at whichever instance is up.
func (h *house) ceremonies() {
	h.survey()
	for _, f := range h.firms {
		at := slices.IndexFunc(f.crew, func(i *instance) bool { return i.node != nil && i.life.hears() })
		if at < 0 {
			continue
		}
		service, asked := f.crew[at].node.Keygen(), f.crew[at].asked
		for _, row := range f.keygens() {
			if row.State == keygen.Invited && !h.made[row.Session].spent[f] && len(asked) == 0 {
				go func() {
					asked <- struct{}{}
					defer func() { <-asked }()
					ctx, cancel := context.WithTimeout(context.Background(), asking)
					defer cancel()
					_ = service.Accept(ctx, row.Session) // he tries again
				}()
			}
		}
	}
}

func (f *firm) keygens() []keygen.Row {
	rows, err := f.reader().Keygens(context.Background())
	require.NoError(f.t, err)
	return slices.DeleteFunc(rows, func(r keygen.Row) bool { return r.Session == f.first })
}

// survey checks what stores have of key generations.
func (h *house) survey() {
	states := map[signer.SessionID]map[*firm]keygen.Row{}
	for _, f := range h.firms {
		for _, row := range f.keygens() {
			if states[row.Session] == nil {
				states[row.Session] = map[*firm]keygen.Row{}
			}
			if row.State == keygen.Failed { // whoever is named in it
				whole, _, err := f.reader().Keygen(context.Background(), row.Session)
				require.NoError(h.t, err)
				row = whole
			}
			states[row.Session][f] = row
			if h.made[row.Session] == nil {
				inv, err := keygen.ReadInvitation(row.Invitation)
				require.NoError(h.t, err)
				h.made[row.Session] = &ceremony{session: row.Session, roster: inv.Roster, found: h.tip(), spent: map[*firm]bool{}}
			}
		}
	}
	for _, c := range h.inOrder() {
		h.record.halves(c, states[c.session])
	}
}

// inOrder are all key generations, the first one first.
func (h *house) inOrder() []*ceremony {
	return slices.SortedFunc(maps.Values(h.made), func(a, b *ceremony) int {
		return slices.Compare(append([]byte{byte(a.found >> 8), byte(a.found)}, a.session[:]...), append([]byte{byte(b.found >> 8), byte(b.found)}, b.session[:]...))
	})
}

// halves checks that nobody uses a wallet that others have given up, that all who use it use the same one, and that nobody is accused.
func (r *record) halves(c *ceremony, rows map[*firm]keygen.Row) {
	active, failed := 0, 0
	for _, f := range r.h.firms {
		row, there := rows[f]
		switch {
		case !there:
			continue
		case !c.of(f):
			r.fault("no half wallet: operator %d has key generation %v, in which it has no seat", f.n, c.session)
		case len(row.Proof) > 0, strings.Contains(row.Detail, "accuses "), strings.Contains(row.Detail, "our backend found"):
			r.fault("no honest culprit: operator %d says of key generation %v: %s", f.n, c.session, row.Detail)
		case row.State == keygen.Failed:
			failed++
		case row.State == keygen.Active:
			active++
			if c.active == 0 {
				c.uses(f, row)
			}
		}
	}
	if active > 0 && failed > 0 && !c.lost {
		r.fault("no half wallet: %d operators use the wallet of key generation %v, and %d have given it up", active, c.session, failed)
	}
	if operators := len(slices.Compact(slices.Sorted(slices.Values(addresses(c.roster))))); active == operators && c.active == 0 {
		c.active = r.h.tip()
	}
}

func addresses(roster []chain.Operator) (all []string) {
	for _, op := range roster {
		all = append(all, op.String())
	}
	return all
}

// uses notes which wallet an operator has.
func (c *ceremony) uses(f *firm, row keygen.Row) {
	wallets, err := f.reader().Wallets(context.Background())
	require.NoError(f.t, err)
	at := slices.IndexFunc(wallets, func(w chain.Wallet) bool { return w.ID() == row.Wallet })
	switch {
	case at < 0:
		f.record.fault("no half wallet: operator %d has no wallet of key generation %v, which is active", f.n, c.session)
	case !slices.Equal(wallets[at].Roster(), c.roster):
		f.record.fault("no half wallet: operator %d has other operators of wallet %v than were invited", f.n, row.Wallet)
	case c.wallet.ID() != (chain.WalletID{}) && c.wallet.ID() != row.Wallet:
		f.record.fault("no half wallet: operator %d has wallet %v of key generation %v, and another one %v", f.n, row.Wallet, c.session, c.wallet.ID())
	default:
		c.wallet = wallets[at]
		f.chain.till.idle(c.wallet.ID())
	}
}

// newcomers are the wallets that were made and that all of their operators have had since before a window.
func (h *house) newcomers(window chain.Height) (all []chain.Wallet) {
	for _, c := range h.inOrder() {
		if c.demanded(window) {
			all = append(all, c.wallet)
		}
	}
	return all
}

// known are the wallets that were made, whoever has lost them since.
func (h *house) known() (all []chain.Wallet) {
	for _, c := range h.inOrder() {
		if c.active > 0 {
			all = append(all, c.wallet)
		}
	}
	return all
}

// records adds what a store has of key generations that never changes: which wallet came of it, and what all its operators have signed.
func (f *firm) records(found map[string]string) {
	for _, row := range f.keygens() {
		if row.State != keygen.Active {
			continue
		}
		whole, _, err := f.reader().Keygen(context.Background(), row.Session)
		require.NoError(f.t, err)
		signed := make([]string, len(whole.Attestations))
		for n, a := range whole.Attestations {
			a, err := keygen.ReadAttestation(a)
			require.NoError(f.t, err)
			signed[n] = fmt.Sprint(a.By, a.GroupKey, a.Verification)
		}
		slices.Sort(signed)
		found[generatedKey(row.Session)] = fmt.Sprintf("%v %x", row.Wallet, digestOf(signed))
	}
}

func generatedKey(session signer.SessionID) string { return fmt.Sprintf("generated %v", session) }

// ceremoniesOver checks, after the weather, that no key generation is stuck: nobody is in its rounds any more, and what all have attested all use; and that
// each share is with the backend that its operator's record names, and nowhere else.
func (h *house) ceremoniesOver() {
	h.survey()
	for _, c := range h.inOrder() {
		attested, texts := true, map[string]bool{}
		for _, f := range h.firms {
			if !c.of(f) {
				continue
			}
			row, there, err := f.reader().Keygen(context.Background(), c.session)
			require.NoError(h.t, err)
			if there && row.State == keygen.Running {
				h.record.fault("after the weather: operator %d is still in the rounds of key generation %v", f.n, c.session)
			}
			attested = attested && there && (row.State == keygen.Attesting || row.State == keygen.Active)
			if there && row.State == keygen.Active {
				texts[h.record.facts[f][generatedKey(c.session)]] = true
			}
			h.shares(c, f, row)
		}
		if attested && c.active == 0 && !c.lost {
			h.record.fault("after the weather: all operators have attested key generation %v, and not all use the wallet", c.session)
		}
		if len(texts) > 1 {
			h.record.fault("no half wallet: operators have different records of key generation %v: %v", c.session, texts)
		}
	}
}

// shares checks where an operator's shares of a key are.
func (h *house) shares(c *ceremony, f *firm, row keygen.Row) {
	ctx := context.Background()
	assigned, err := f.reader().AssignmentBy(ctx, c.session)
	if err != nil && !errors.Is(err, placement.ErrNotAssigned) {
		require.NoError(h.t, err)
	}
	var seats []chain.Seat
	for n, op := range c.roster {
		if op == f.op {
			seats = append(seats, chain.Seat(n+1)) //nolint:gosec // small
		}
	}
	held := 0
	for _, e := range f.enclaves {
		keys, err := tether{e, new(process)}.Keys(ctx, nil, 100)
		require.NoError(h.t, err)
		for _, k := range keys {
			if k.Session != c.session {
				continue
			}
			held++
			if !slices.Equal(k.Seats, seats) || !c.lost && e.name != assigned.Backend {
				h.record.fault("no half wallet: %s has shares of seats %v in key generation %v; operator %d has seats %v, and its record names %q",
					e.name, k.Seats, c.session, f.n, seats, assigned.Backend)
			}
			if (row.State == keygen.Active) != (k.State == signer.KeyActive) && !c.lost {
				h.record.fault("no half wallet: a key is %s with %s, and key generation %v is %s for operator %d", k.State, e.name, c.session, row.State, f.n)
			}
		}
	}
	if held > 1 || held == 0 && row.State == keygen.Active {
		h.record.fault("no half wallet: %d backends of operator %d have shares of key generation %v, which is %s", held, f.n, c.session, row.State)
	}
}

// afresh has a wallet be made in fair weather, by all operators: it must be there before the next window, is coordinated there, and signs.
type afresh struct {
	lives     int // of instances that there were when it was asked for
	*ceremony     // nil until it is seen
}

// freshen asks for the wallet once the last window with weather is over, and finds it.
func (h *house) freshen(p plan) {
	over := chain.Height(p.storms)*900 + 250 //nolint:gosec // positive
	if h.tip() < over {
		return
	}
	if h.fresh == nil {
		if i := h.firms[0].crew[0]; i.node != nil {
			h.fresh = &afresh{lives: h.lives}
			i.invites([]chain.Operator{h.firms[0].op, h.firms[1].op, h.firms[2].op}, 2)
		}
		return
	}
	if h.fresh.ceremony == nil {
		for _, c := range h.made {
			if c.found >= over {
				h.fresh.ceremony = c
			}
		}
	}
}

// refreshed checks that what was asked for in fair weather has come about. An instance may have been killed by what befell it before.
func (h *house) refreshed(window chain.Height) {
	if h.fresh == nil || h.fresh.ceremony == nil || !h.fresh.demanded(window) {
		if h.fresh == nil || h.fresh.lives == h.lives {
			h.record.fault("after the weather: no wallet is made in fair weather: %+v", h.fresh)
		}
		return
	}
	first := ""
	for _, f := range h.firms {
		signed, err := f.reader().Signings(context.Background(), h.fresh.wallet.ID(), window+1, 1)
		require.NoError(h.t, err)
		if len(signed) == 0 || signed[0].Window != window || len(signed[0].Signed) == 0 {
			h.record.fault("after the weather: operator %d has no signature of window %d of the wallet that was made", f.n, window)
			continue
		}
		if text := fmt.Sprint(signed[0].Digest); first == "" {
			first = text
		} else if first != text {
			h.record.fault("one signature: operator %d has one of another intent in window %d of the wallet that was made", f.n, window)
		}
	}
}

// Wallets are made in weather, and afterwards.
func TestHouseMakesWalletsInWeather(t *testing.T) {
	if bubble.Watched {
		t.Skip("another house")
	}
	var events []event
	for n := range 8 {
		events = append(events, event{nth: n, at: 862 + 25*chain.Height(n), kind: making, who: n, n: n}) //nolint:gosec // positive
	}
	p := plan{seed: 3, storms: 1, events: append(events,
		event{nth: 8, at: 863, offset: 20 * time.Millisecond, kind: doom, who: 1, n: 3, lasts: 9, deed: afterAsking},
		event{nth: 9, at: 888, kind: outage, who: 2, lasts: 6},
		event{nth: 10, at: 912, kind: cut, n: 1, lasts: 20},
		event{nth: 11, at: 937, kind: loss, n: 50, lasts: 30},
		// An operator whose database has forgotten that he accepted, while the signer is away with which he did.
		event{nth: 12, at: 1060, kind: outage, who: 2, lasts: 50},
		event{nth: 13, at: 1064, kind: making, who: 0},
		event{nth: 14, at: 1065, kind: making, who: 0},
		event{nth: 15, at: 1066, kind: making, who: 0},
		event{nth: 16, at: 1080, kind: dying, who: 2, lasts: 60},
		event{nth: 17, at: 1082, kind: putBack, who: 1, n: 1, lasts: 2},
	)}
	slices.SortStableFunc(p.events, func(a, b event) int { return int(a.at) - int(b.at) }) //nolint:gosec // small
	require.Empty(t, live(t, p, func(h *house) {
		active := 0
		for _, c := range h.made {
			if c.active > 0 {
				active++
			}
		}
		require.Len(h.t, h.made, 12)
		require.Greater(h.t, active, 4)
		require.NotNil(h.t, h.fresh.ceremony)
	}))
}

// A key generation that ends differently for two operators, or accuses somebody, is noticed.
func TestHouseNoticesHalfWallets(t *testing.T) {
	h := &house{t: t, chain: newTruth(990)}
	one, other := &firm{house: h, op: operator(0)}, &firm{house: h, n: 1, op: operator(1)}
	h.firms = []*firm{one, other}
	state := func(s keygen.State) keygen.Row { return keygen.Row{State: s} }
	for name, c := range map[string]struct {
		rows  map[*firm]keygen.Row
		lost  bool
		wrong string
	}{
		"both use it":              {rows: map[*firm]keygen.Row{one: state(keygen.Active), other: state(keygen.Active)}},
		"one awaits the other":     {rows: map[*firm]keygen.Row{one: state(keygen.Active), other: state(keygen.Attesting)}},
		"both gave it up":          {rows: map[*firm]keygen.Row{one: state(keygen.Failed), other: state(keygen.Failed)}},
		"one never heard of it":    {rows: map[*firm]keygen.Row{one: state(keygen.Accepted)}},
		"one gave it up":           {rows: map[*firm]keygen.Row{one: state(keygen.Active), other: state(keygen.Failed)}, wrong: "no half wallet"},
		"one gave up what he lost": {rows: map[*firm]keygen.Row{one: state(keygen.Active), other: state(keygen.Failed)}, lost: true},
		"a proof":                  {rows: map[*firm]keygen.Row{one: {State: keygen.Failed, Proof: [][]byte{{1}}}}, lost: true, wrong: "no honest culprit"},
		"an accusation":            {rows: map[*firm]keygen.Row{one: {State: keygen.Failed, Detail: "0x1 has ended it (it accuses 0x2)"}}, wrong: "no honest culprit"},
	} {
		h.record = newRecord(h)
		h.record.halves(&ceremony{roster: []chain.Operator{one.op, other.op}, active: 900, lost: c.lost}, c.rows)
		if c.wrong == "" {
			require.Empty(t, h.record.broken(), name)
			continue
		}
		require.Len(t, h.record.broken(), 1, name)
		require.Contains(t, h.record.broken()[0], c.wrong, name)
	}
	h.record = newRecord(h)
	h.record.halves(&ceremony{roster: []chain.Operator{one.op}, active: 900}, map[*firm]keygen.Row{other: state(keygen.Invited)})
	require.Contains(t, fmt.Sprint(h.record.broken()), "in which it has no seat")
}
