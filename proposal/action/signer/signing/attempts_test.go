package signing

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

func heartbeatHash(t testing.TB, wallet chain.Wallet, o proposal.Order) signer.Signable {
	hashes, err := bitcoin.Signables(bitcoin.Wallet{Key: wallet.Key(), Scheme: signer.FROST}, o.Proposal, nil)
	require.NoError(t, err)
	return hashes[0]
}

// bubble plays a test on a world in virtual time.
func bubble(t *testing.T, threshold int, seats []int, test func(t *testing.T, w *world)) {
	total := 0
	for _, n := range seats {
		total += n
	}
	sharesOf(t, total, threshold)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, threshold, seats...)
		test(t, w)
		w.end()
	})
}

// first returns the list of an order's first attempt in which everybody announced itself.
func (w *world) first(o proposal.Order, attempt uint32) []chain.Seat {
	_, names := coordinator(w.wallet, w.digest(o), attempt)
	var all []candidate
	for _, m := range w.members {
		all = append(all, candidate{operator: m.op, seats: seatsOf(w.wallet, m.op, allSeats(w.wallet))})
	}
	return quorum(all, names, w.digest(o), attempt, w.threshold)
}

// where returns the first heartbeat that is as wished.
func (w *world) where(wish func(o proposal.Order) bool) proposal.Order {
	for window := chain.Height(900); ; window += 900 {
		if o := w.heartbeat(window); wish(o) {
			w.at(o.Start - 1) // as if the chain had come so far meanwhile
			return o
		}
	}
}

func TestAHeartbeatIsSignedInTheFirstAttempt(t *testing.T) {
	for _, c := range []struct {
		threshold int
		seats     []int
	}{{2, []int{1, 1, 1}}, {4, []int{2, 1, 3, 1}}, {4, []int{1, 1, 1, 1, 1, 1, 1}}, {3, []int{3, 2}}} {
		bubble(t, c.threshold, c.seats, func(t *testing.T, w *world) {
			w.start()
			o := w.heartbeat(900)
			for m, e := range w.play(o) {
				row := m.requireSigned(o, e)
				require.Len(t, row.Attempts, 1)
				a := row.Attempts[0]
				require.Equal(t, ResultSigned, a.Result)
				require.Equal(t, w.wallet.Seats(), a.Active)
				require.Empty(t, a.Absent)
				require.Len(t, a.Signers, c.threshold)
				require.True(t, a.Whole)
				require.LessOrEqual(t, a.Ended, o.Start+3, "nobody is waited for when all are there")
				require.Equal(t, row.Attempts, m.attempts, "observed as it is stored")
				require.Len(t, m.quoted, len(w.members)+1, "each operator's announcement and the coordinator's list, and nothing else")
			}
			require.Empty(t, w.lines.String())
		})
	}
}

func TestAnOperatorThatIsAwayIsNotWaitedFor(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		o := w.where(func(o proposal.Order) bool { // whoever is away does not coordinate
			_, names := coordinator(w.wallet, w.digest(o), 1)
			return names != w.members[0].op
		})
		w.start(w.members[1:]...)
		for m, e := range w.play(o, w.members[1:]...) {
			row := m.requireSigned(o, e)
			require.Len(t, row.Attempts, 1)
			require.Equal(t, []chain.Operator{w.members[0].op}, row.Attempts[0].Absent)
			require.Equal(t, 4, row.Attempts[0].Active)
			require.GreaterOrEqual(t, row.Attempts[0].Ended, o.Start+attemptDelay+attemptAnnouncement)
		}
	})
}

// Seats announce themselves for one attempt at one intent in one window of one wallet, and each operator its own: what is bound to
// anything else counts for nothing.
func TestAnAnnouncementIsBoundToWalletWindowIntentAndAttempt(t *testing.T) {
	for name, change := range map[string]func(*announcement){
		"another wallet":       func(a *announcement) { a.wallet[0] ^= 1 },
		"another window":       func(a *announcement) { a.window += 900 },
		"another intent":       func(a *announcement) { a.intent[0] ^= 1 },
		"a later attempt":      func(a *announcement) { a.attempt += 2 },
		"another one's seat":   func(a *announcement) { a.seats = []chain.Seat{2} },
		"one more of another":  func(a *announcement) { a.seats = []chain.Seat{1, 2} },
		"a seat of nobody":     func(a *announcement) { a.seats = []chain.Seat{9} },
		"the attempt after it": func(a *announcement) { a.attempt++ },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
				o := w.where(func(o proposal.Order) bool {
					_, names := coordinator(w.wallet, w.digest(o), 1)
					return names != w.members[0].op
				})
				w.members[0].tamper = func(content any) []any {
					if a, ok := content.(announcement); ok {
						change(&a)
						content = a
					}
					return []any{content}
				}
				w.start()
				for m, e := range w.play(o) {
					row := m.requireSigned(o, e)
					require.NotContains(t, row.Attempts[0].Signers, 1)
					if m != w.members[0] {
						require.Equal(t, []chain.Operator{w.members[0].op}, row.Attempts[0].Absent)
						require.Equal(t, 4, row.Attempts[0].Active)
					}
				}
			})
		})
	}
}

func TestACoordinatorThatIsAwayCostsOneAttempt(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		o := w.where(func(o proposal.Order) bool {
			_, names := coordinator(w.wallet, w.digest(o), 1)
			return names == w.members[0].op
		})
		w.start(w.members[1:]...)
		for m, e := range w.play(o, w.members[1:]...) {
			row := m.requireSigned(o, e)
			require.Len(t, row.Attempts, 2)
			require.Equal(t, ResultNoList, row.Attempts[0].Result)
			require.Equal(t, w.members[0].op, row.Attempts[0].Coordinator)
			require.NotEqual(t, w.members[0].op, row.Attempts[1].Coordinator)
		}
	})
}

// silence lets an operator announce itself and then say nothing more.
func silence(content any) []any {
	if _, ok := content.(announcement); ok {
		return []any{content}
	}
	return nil
}

func TestSilentSeatsAreDroppedAllAtOnce(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		quiet := w.members[:2]
		o := w.where(func(o proposal.Order) bool { // both are named in the first attempt, and neither coordinates
			_, names := coordinator(w.wallet, w.digest(o), 1)
			_, next := coordinator(w.wallet, w.digest(o), 2)
			list := w.first(o, 1)
			return names != quiet[0].op && names != quiet[1].op && next != quiet[0].op && next != quiet[1].op &&
				slices.Contains(list, 1) && slices.Contains(list, 2)
		})
		for _, m := range quiet {
			m.tamper = silence
		}
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Len(t, row.Attempts, 2)
			require.Equal(t, ResultSigned, row.Attempts[1].Result)
			if !slices.Contains(quiet, m) {
				require.Equal(t, ResultSilent, row.Attempts[0].Result)
				require.ElementsMatch(t, []chain.Operator{quiet[0].op, quiet[1].op}, row.Attempts[0].Silent)
				require.Equal(t, []int{3, 4, 5}, row.Attempts[1].Signers)
				require.Empty(t, row.Blames, "silence is no misdeed")
			}
		}
	})
}

// Silence may have been the network's: where there are too few without those who were silent, they are named again.
func TestSilenceIsForgivenWhereTooFewAreLeft(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1}, func(t *testing.T, w *world) {
		o := w.where(func(o proposal.Order) bool {
			_, names := coordinator(w.wallet, w.digest(o), 1)
			return names != w.members[0].op
		})
		mute := true
		w.members[0].tamper = func(content any) []any {
			if _, speaks := content.(bundle); speaks && mute {
				return nil
			}
			return []any{content}
		}
		w.start()
		under := w.members[1].handle(o)
		others := []*handling{w.members[0].handle(o), w.members[2].handle(o)}
		w.mine(o.Start + attemptLength)
		require.Equal(t, ResultSilent, w.members[1].log.get(o.Window).Attempts[0].Result)
		mute = false
		w.mine(o.SigningEnd())
		w.members[1].requireSigned(o, under.over(t))
		for _, h := range others {
			require.Equal(t, action.OK, h.over(t).outcome)
		}
	})
}

// lie lets an operator send wrong shares in a round. What came of it, which it can work out with its own right ones, it keeps.
func lie(round int) func(any) []any {
	return func(content any) []any {
		switch m := content.(type) {
		case bundle:
			if m.round == round {
				return []any{spoil(m)}
			}
		case result:
			return nil
		}
		return []any{content}
	}
}

// spoil changes what a bundle says, but not its form.
func spoil(b bundle) bundle {
	parcels := slices.Clone(b.parcels)
	data := slices.Clone(parcels[0].Data)
	i := slices.Index(data, byte('"')) // the JSON of messages: Data is base64, the last string of the first message
	for j := len(data) - 12; j > i; j-- {
		if data[j] >= 'a' && data[j] < 'z' {
			data[j]++
			break
		}
	}
	parcels[0].Data = data
	b.parcels = parcels
	return b
}

func TestACheaterIsNamedAndLeftOut(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		cheat := w.members[2]
		o := w.where(func(o proposal.Order) bool {
			_, names := coordinator(w.wallet, w.digest(o), 1)
			_, next := coordinator(w.wallet, w.digest(o), 2)
			return names != cheat.op && next != cheat.op && slices.Contains(w.first(o, 1), 3)
		})
		cheat.tamper = lie(2) // its share of the signature
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			if m == cheat {
				continue
			}
			require.Len(t, row.Attempts, 2)
			require.NotContains(t, row.Attempts[1].Signers, 3)
			if slices.Contains(w.first(o, 1), w.seatOf(m)) {
				require.Equal(t, ResultCheated, row.Attempts[0].Result)
				require.Equal(t, cheat.op, row.Blames[0].Operator)
				require.Equal(t, 3, row.Blames[0].Seat)
				require.Equal(t, MisdeedScheme, row.Blames[0].Misdeed)
			}
		}
	})
}

func (w *world) seatOf(m *member) chain.Seat { return seatsOf(w.wallet, m.op, allSeats(w.wallet))[0] }

func TestACoordinatorThatSignsTwoListsIsProvenToHave(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		_, names := coordinator(w.wallet, w.digest(o), 1)
		cheat := w.by(names)
		cheat.tamper = func(content any) []any {
			l, ok := content.(list)
			if !ok {
				return []any{content}
			}
			other := l
			other.seats = []chain.Seat{1, 2, 3}
			if slices.Equal(l.seats, other.seats) {
				other.seats = []chain.Seat{3, 4, 5}
			}
			return []any{l, other}
		}
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Equal(t, ResultCheated, row.Attempts[0].Result)
			require.Len(t, row.Blames, 1)
			require.Equal(t, cheat.op, row.Blames[0].Operator)
			require.Equal(t, MisdeedLists, row.Blames[0].Misdeed)
			by, err := CheckProof(w.wallet, row.Blames[0].Proof)
			require.NoError(t, err)
			require.Equal(t, cheat.op, by)
			require.NotContains(t, row.Attempts[1].Signers, int(w.seatOf(cheat)))
		}
	})
}

func TestTwoBundlesOfOneRoundAreAProof(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		cheat := w.members[1]
		o := w.where(func(o proposal.Order) bool {
			_, next := coordinator(w.wallet, w.digest(o), 2)
			return next != cheat.op && slices.Contains(w.first(o, 1), 2)
		})
		cheat.tamper = func(content any) []any {
			if b, ok := content.(bundle); ok && b.round == 1 {
				return []any{b, spoil(b)}
			}
			return []any{content}
		}
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			if m == cheat {
				continue
			}
			require.Equal(t, ResultCheated, row.Attempts[0].Result)
			require.Equal(t, MisdeedBundles, row.Blames[0].Misdeed)
			by, err := CheckProof(w.wallet, row.Blames[0].Proof)
			require.NoError(t, err)
			require.Equal(t, cheat.op, by)
			require.NotContains(t, row.Attempts[1].Signers, 2)
		}
	})
}

func TestBelowQuorumAnActionExpiresAndTheNextWindowSigns(t *testing.T) {
	bubble(t, 4, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		there := w.members[:3]
		w.start(there...)
		o := w.heartbeat(900)
		for m, e := range w.play(o, there...) {
			require.Equal(t, action.Expired, e.outcome)
			require.Contains(t, e.detail, "too_few_seats")
			row := m.log.get(o.Window)
			require.Empty(t, row.Signed)
			require.Len(t, row.Attempts, 7, "as many as fit into 300 blocks")
			for i, a := range row.Attempts {
				require.Equal(t, uint32(i+1), a.Number)
				require.Equal(t, ResultTooFew, a.Result)
			}
			require.Empty(t, m.backend.asked, "nothing is half signed")
		}
		require.Empty(t, w.hub.lines, "the topic is closed")
		w.start(w.members[3:]...)
		next := w.heartbeat(1800)
		for m, e := range w.play(next) {
			m.requireSigned(next, e)
		}
	})
}

func TestR3NodesWithDifferentIntentsNeverMix(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		w.start()
		o, other := w.heartbeat(900), w.heartbeat(900)
		other.Proposal = proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}}
		under := map[*member]*handling{}
		for i, m := range w.members {
			if i < 3 {
				under[m] = m.handle(o)
				continue
			}
			m.backend.proposals = func(chain.Height) proposal.Proposal { return other.Proposal }
			under[m] = m.handle(other)
		}
		w.mine(o.SigningEnd() + 1)
		for i, m := range w.members {
			e := under[m].over(t)
			if i < 3 {
				m.requireSigned(o, e)
				require.Subset(t, []int{1, 2, 3}, m.log.get(900).Attempts[0].Signers)
				continue
			}
			require.Equal(t, action.Expired, e.outcome)
			require.Empty(t, m.log.get(900).Signed)
			require.Empty(t, m.backend.asked)
		}
	})
}

// Who speaks at the last moment leaves the others' backends no time. That is not their fault: after two such attempts they go on.
func TestWhoSpeaksLateMakesNobodysBackendLookSlow(t *testing.T) {
	bubble(t, 3, []int{1, 1, 1}, func(t *testing.T, w *world) {
		const takes, spare = 5 * time.Second, 2 * time.Second
		late, o := w.members[0], w.heartbeat(900)
		for _, m := range w.members {
			m.backend.takes = takes
		}
		held := 0
		late.tamper = func(content any) []any {
			if b, ok := content.(bundle); ok && b.round == 1 && held < 2 {
				held++
				deadline := schedule{o.SigningStart(), o.SigningEnd()}.deadline(uint32(held))
				time.Sleep(time.Duration(deadline-w.clock.Height())*blockTime - takes - spare)
			}
			return []any{content}
		}
		w.start()
		all := w.play(o)
		require.Equal(t, 2, held)
		for _, m := range w.members {
			row := m.requireSigned(o, all[m])
			require.Equal(t, ResultUnsound, row.Attempts[0].Result, row.Attempts[0].Detail)
		}
	})
}

// A list that comes late, or a bundle that others have waited for, leaves those who answer it little time. They are not silent.
func TestWhoIsAskedLateIsNotSilent(t *testing.T) {
	for name, holdsUp := range map[string]func(content any) bool{
		"a list": func(content any) bool { l, ok := content.(list); return ok && l.attempt == 1 },
		"a bundle": func(content any) bool {
			b, ok := content.(bundle)
			return ok && b.round == 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, []int{1, 1, 1}, func(t *testing.T, w *world) {
				late, slow := w.members[0], w.members[1]
				o := w.where(func(o proposal.Order) bool {
					_, names := coordinator(w.wallet, w.digest(o), 1)
					return names == late.op
				})
				slow.backend.takes = 4 * blockTime // enough, if there is time
				held := false
				late.tamper = func(content any) []any {
					if !held && holdsUp(content) {
						held = true
						deadline := schedule{o.SigningStart(), o.SigningEnd()}.deadline(1)
						time.Sleep(time.Duration(deadline-w.clock.Height()-3) * blockTime)
					}
					return []any{content}
				}
				w.start()
				all := w.play(o)
				require.True(t, held)
				for m, e := range all {
					row := m.requireSigned(o, e)
					if m != late {
						require.Empty(t, row.Attempts[0].Silent)
					}
					require.NotEqual(t, ResultSigned, row.Attempts[0].Result)
					require.Equal(t, ResultSigned, row.Attempts[1].Result)
				}
			})
		})
	}
}

// What comes out is no signature, and the scheme blames nobody: others sign in the next attempt.
func TestAFailedCheckThatIsNobodysFaultRotatesTheQuorum(t *testing.T) {
	bubble(t, 2, []int{1, 1, 1, 1, 1}, func(t *testing.T, w *world) {
		o := w.heartbeat(900)
		tried := w.first(o, 1)
		for _, m := range w.members {
			if slices.Contains(tried, w.seatOf(m)) {
				m.backend.spoil = 1
			}
		}
		_, next := coordinator(w.wallet, w.digest(o), 2) // who signs in any case
		w.start()
		for m, e := range w.play(o) {
			row := m.requireSigned(o, e)
			require.Empty(t, row.Blames)
			require.Len(t, row.Attempts, 2)
			if slices.Contains(tried, w.seatOf(m)) {
				require.Equal(t, ResultUnsound, row.Attempts[0].Result)
			}
			require.Empty(t, row.Attempts[0].Silent)
			require.Equal(t, next, row.Attempts[1].Coordinator)
			for _, seat := range row.Attempts[1].Signers {
				holder, _ := w.wallet.At(chain.Seat(seat))                                                       //nolint:gosec // a seat
				require.True(t, holder == next || !slices.Contains(tried, chain.Seat(seat)), "it failed before") //nolint:gosec // a seat
			}
		}
	})
}
