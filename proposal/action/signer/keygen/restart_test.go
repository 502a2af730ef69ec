package keygen_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// whole demands that a key generation left a wallet in use with everybody, or nothing in use with anybody.
func whole(t *testing.T, all []*member, session signer.SessionID, want keygen.State) {
	t.Helper()
	for _, m := range all {
		st := m.status(session)
		require.Equal(t, want, st.State, "operator %d: %s", m.seed, st.Detail)
		if want == keygen.Active {
			require.Equal(t, []signer.KeyState{signer.KeyActive}, m.backend.states())
			require.Equal(t, map[signer.SessionID]string{session: "active"}, m.shelf.assigned())
			require.Len(t, m.shelf.imported(), 1)
			require.Len(t, st.Attestations, len(st.Invited.Operators()))
			continue
		}
		require.Empty(t, m.shelf.imported())
		require.NotContains(t, m.backend.states(), signer.KeyActive)
		require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, m.shelf.assigned())
	}
}

// A node is killed before each thing that it writes down, with or without its backend, and started again a while later.
func TestKilledAtAnyStepLeavesNoHalfWallet(t *testing.T) {
	for _, test := range []struct {
		name    string
		before  keygen.State // this row is written
		shelf   string       // this is done
		backend bool         // is killed too
		want    keygen.State
	}{
		{"before the rounds", keygen.Running, "", false, keygen.Active},
		{"before the rounds, with the backend", keygen.Running, "", true, keygen.Active},
		{"after the rounds", keygen.Attesting, "", false, keygen.Active},
		{"after the rounds, with the backend", keygen.Attesting, "", true, keygen.Failed},
		{"before the assignment is active", "", "confirm", false, keygen.Active},
		{"before the assignment is active, with the backend", "", "confirm", true, keygen.Active},
		{"before the import", "", "import", true, keygen.Active},
		{"before it is active", keygen.Active, "", true, keygen.Active},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, all := circle(t, 3)
				victim := all[1]
				victim.shelf.dies = test.shelf
				victim.log.dies = killedBefore(test.before)
				session := create(t, all, 3, 2, 2, 1)
				victim.kill()
				victim.shelf.dies, victim.log.dies = "", nil
				if test.backend {
					victim.backend.restart()
				}
				time.Sleep(5 * time.Minute)
				victim.start()
				synctest.Wait()
				if test.want == keygen.Failed {
					require.Contains(t, victim.status(session).Detail, "our backend: the session's secrets are gone")
					require.Contains(t, all[0].status(session).Detail, operator(2).String()+" has ended it")
					time.Sleep(3 * 24 * time.Hour)
				}
				whole(t, all, session, test.want)
			})
		})
	}
}

// Between the rounds secrets are in the backend's memory: a node that dies alone goes on, one that dies with its backend ends it.
func TestKilledBetweenRounds(t *testing.T) {
	for round := 1; round <= 3; round++ {
		for _, withBackend := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				_, all := circle(t, 3)
				victim := all[2]
				victim.backend.silentIn = round
				session := create(t, all, 2, 1, 1, 1)
				victim.kill()
				if withBackend {
					victim.backend.restart()
				}
				victim.backend.silentIn = 0
				victim.start()
				synctest.Wait()
				if withBackend && round > 1 {
					time.Sleep(3 * 24 * time.Hour)
					whole(t, all, session, keygen.Failed)
				} else {
					whole(t, all, session, keygen.Active)
				}
			})
		}
	}
}

// killedBefore has a log refuse the row with which a key generation enters a state, as if its node died just before.
func killedBefore(state keygen.State) func(keygen.Row) error {
	return func(row keygen.Row) error {
		if row.State == state {
			return errors.New("killed before it was " + string(state))
		}
		return nil
	}
}

// Who was away while all others attested, and for long, asks for it again.
func TestAttestedByAllCompletesAfterALongAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		victim := all[2]
		victim.log.dies = killedBefore(keygen.Active)
		session := create(t, all, 2, 1, 1, 1)
		victim.kill()
		victim.log.dies = nil
		require.Equal(t, keygen.Active, all[0].status(session).State)
		time.Sleep(20 * time.Hour) // the others repeat nothing any more
		all[0].restart()
		victim.start()
		synctest.Wait()
		whole(t, all, session, keygen.Active)
	})
}

// Once all have attested it is written down what, before anything is put to use: a wallet that is half in use needs nobody else.
func TestAttestedByAllCompletesWithoutTheOthers(t *testing.T) {
	for _, step := range []string{"confirm", "import"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, all := circle(t, 3)
				victim := all[2]
				victim.shelf.dies = step
				session := create(t, all, 2, 1, 1, 1)
				for _, m := range all {
					m.kill()
				}
				victim.shelf.dies = ""
				victim.start()
				time.Sleep(time.Minute)
				whole(t, []*member{victim}, session, keygen.Active)
			})
		})
	}
}

// Nobody says anything wrong, one is only gone: the others say who, and finish when it is back.
func TestAbsentAttestationIsNamedAndAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		victim := all[2]
		victim.log.dies = killedBefore(keygen.Attesting)
		session := create(t, all, 2, 1, 1, 1)
		victim.kill()
		victim.log.dies = nil
		time.Sleep(time.Hour)
		st := all[0].status(session)
		require.Equal(t, keygen.Attesting, st.State)
		require.Equal(t, operator(3).String()+" has not attested yet", st.Detail)
		require.Equal(t, []chain.Operator{operator(3)}, st.Progress.Awaited)
		require.Equal(t, []signer.KeyState{signer.KeyPending}, all[0].backend.states())
		victim.start()
		synctest.Wait()
		whole(t, all, session, keygen.Active)
	})
}

// The log is away for a while at each step: everybody waits for it, and nothing is lost.
func TestLogThatIsAwayDelaysOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		tries := map[keygen.State]int{}
		all[1].log.dies = func(row keygen.Row) error {
			if tries[row.State]++; row.State != keygen.Accepted && tries[row.State] < 5 {
				return errors.New("disk is full")
			}
			return nil
		}
		session := create(t, all, 2, 1, 1, 1)
		time.Sleep(time.Minute)
		whole(t, all, session, keygen.Active)
	})
}

// Two instances of one operator share the log: the one that accepts runs it, and the other shows it.
func TestOneInstanceRunsASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 2)
		sibling := func(name string) *keygen.Service {
			cfg := all[1].config()
			cfg.Instance = name
			s, err := keygen.New(cfg)
			require.NoError(t, err)
			return s
		}
		all[1].kill()
		a, b := sibling("a"), sibling("b")
		for _, s := range []*keygen.Service{a, b} {
			go s.Run(t.Context()) // it ends with the test
		}
		all[1].hub.join(operator(2), func(doc []byte) { a.Invited(doc); b.Invited(doc) })
		session := invite(t, all, 2, 1, 1)
		rounds := 0
		all[1].backend.asked = func(int) { rounds++ }
		require.NoError(t, b.Accept(t.Context(), session))
		require.ErrorIs(t, a.Accept(t.Context(), session), keygen.ErrOtherState)
		synctest.Wait()
		require.Equal(t, 3, rounds)
		for _, s := range []*keygen.Service{a, b} {
			st, err := s.Status(t.Context(), session)
			require.NoError(t, err)
			require.Equal(t, keygen.Active, st.State)
			require.Equal(t, "b", st.Instance)
		}
	})
}

// What an instance left that does not come back is ended by its siblings.
func TestInstanceThatIsGoneLeavesAFailedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 2)
		session := invite(t, all, 2, 1, 1)
		all[0].kill()
		row, _, err := all[0].log.Keygen(t.Context(), session)
		require.NoError(t, err)
		row.Instance = "gone"
		all[0].log.rows[session] = row
		all[0].start()
		time.Sleep(4 * 24 * time.Hour)
		st := all[0].status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Equal(t, "instance gone, which ran it, did not finish it", st.Detail)
		require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, all[0].shelf.assigned())
	})
}

// An instance is lost when the shares are there: a sibling hears what all attest, and puts the wallet to use or freezes it.
func TestASiblingFinishesWhatAnInstanceLeft(t *testing.T) {
	for _, test := range []struct {
		name string
		lost keygen.State // the last state that the instance writes down
		gone bool
		want keygen.State
	}{
		{"attesting", keygen.Attesting, true, keygen.Active},
		{"attesting, and it only rests", keygen.Attesting, false, keygen.Attesting},
		{"failed, and all attest later", keygen.Failed, true, keygen.Active},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, all := circle(t, 3)
				victim := all[1]
				victim.kill()
				service := func(name string) *keygen.Service {
					cfg := victim.config()
					cfg.Instance = name
					cfg.Gone = func(_ context.Context, instance string) (bool, error) { return test.gone && instance == "b", nil }
					s, err := keygen.New(cfg)
					require.NoError(t, err)
					return s
				}
				a, b := service("a"), service("b")
				life, die := context.WithCancel(t.Context())
				died := make(chan error, 1)
				go func() { died <- b.Run(life) }()
				h.join(victim.operator(), b.Invited)
				h.bend = func(from, _ chain.Operator, data []byte) []byte { // operator 3 attests too late for b
					m := new(pb.SignerMessage)
					if from == operator(3) && proto.Unmarshal(data, m) == nil && m.GetAttestation() != nil {
						return nil
					}
					return data
				}
				session := invite(t, all, 2, 1, 1, 1)
				require.NoError(t, b.Accept(t.Context(), session))
				require.NoError(t, all[2].service.Accept(t.Context(), session))
				synctest.Wait()
				if test.lost == keygen.Failed {
					liar := h.open(keygen.TopicOf(session), secret(3))
					end, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Complaint{Complaint: &pb.KeygenComplaint{Session: session[:], Why: "no more"}}})
					require.NoError(t, err)
					require.NoError(t, liar.Publish(t.Context(), end))
					synctest.Wait()
				}
				die()
				require.NoError(t, <-died)
				require.Equal(t, test.lost, victim.log.rows[session].State)
				h.mu.Lock()
				h.bend = nil
				h.mu.Unlock()
				all[2].restart()
				go a.Run(t.Context()) // it ends with the test
				time.Sleep(6 * time.Minute)
				st, err := a.Status(t.Context(), session)
				require.NoError(t, err)
				require.Equal(t, test.want, st.State)
				if test.want == keygen.Active {
					require.Equal(t, "a", st.Instance)
					require.Equal(t, []signer.KeyState{signer.KeyActive}, victim.backend.states())
					require.Len(t, victim.shelf.imported(), 1)
				}
			})
		})
	}
}
