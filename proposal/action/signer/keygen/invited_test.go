package keygen_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// resigned signs a session's invitation once more, for another time and by somebody else.
func resigned(t *testing.T, doc []byte, by int, expires time.Time) []byte {
	t.Helper()
	inv, err := keygen.ReadInvitation(doc)
	require.NoError(t, err)
	inv.Expires = time.Unix(expires.Unix(), 0)
	again, err := keygen.SignInvitation(secret(by), inv)
	require.NoError(t, err)
	return again
}

// Somebody signs an invitation once more, for a few seconds, and has one operator see that one alone. It gives nobody up before
// the others have had their time.
func TestAnInvitationThatIsSignedAgainShortensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 4)
		h.mu.Lock()
		delete(h.invited, operator(2)) // its node is not connected to those who have the real one
		h.mu.Unlock()
		session := invite(t, all, 2, 1, 1, 1, 1)
		short := resigned(t, all[0].status(session).Invitation, 4, time.Now().Add(5*time.Second))
		all[1].service.Invited(short)
		synctest.Wait()
		require.NoError(t, all[1].service.Accept(t.Context(), session))
		time.Sleep(20 * time.Hour)
		for _, m := range all[:2] {
			st := m.status(session)
			require.Equal(t, keygen.Accepted, st.State, st.Detail)
			require.Equal(t, []chain.Operator{operator(3), operator(4)}, st.Progress.Awaited)
		}
		for _, m := range all[2:] {
			require.NoError(t, m.service.Accept(t.Context(), session))
		}
		synctest.Wait()
		whole(t, all, session, keygen.Active)
	})
}

// Even where nobody else is heard, the others have a round's time to accept: who is heard meanwhile is not named.
func TestAShortInvitationWaitsForARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		inv := invitation(2, 1, 1, 1)
		inv.Nonce, inv.Expires = keygen.NewNonce(), time.Unix(time.Now().Add(2*time.Second).Unix(), 0)
		doc, err := keygen.SignInvitation(secret(1), inv)
		require.NoError(t, err)
		all[1].service.Invited(doc)
		synctest.Wait()
		require.NoError(t, all[1].service.Accept(t.Context(), inv.Session()))
		time.Sleep(9 * time.Minute)
		require.Equal(t, keygen.Accepted, all[1].status(inv.Session()).State)
		time.Sleep(2 * time.Minute)
		require.Equal(t, keygen.Failed, all[1].status(inv.Session()).State)
	})
}

// What is pending stands open by the latest word, for as long as a new invitation could and no longer.
func TestThePendingInvitationThatExpiresLastCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		session := invite(t, all, 2, 1, 1, 1)
		doc := all[0].status(session).Invitation
		first := all[1].status(session).Invited.Expires
		now := time.Now()
		for _, test := range []struct {
			expires, want time.Time
		}{
			{now.Add(time.Minute), first},
			{now.Add(48 * time.Hour), now.Add(48 * time.Hour)},
			{now.Add(47 * time.Hour), now.Add(48 * time.Hour)},
			{now.Add(keygen.MaxValidity), now.Add(keygen.MaxValidity)},
		} {
			all[1].service.Invited(resigned(t, doc, 3, test.expires))
			synctest.Wait()
			require.Equal(t, test.want.Unix(), all[1].status(session).Invited.Expires.Unix())
		}
		time.Sleep(24 * time.Hour)
		all[1].service.Invited(resigned(t, doc, 3, time.Now().Add(keygen.MaxValidity)))
		synctest.Wait()
		require.Equal(t, now.Add(keygen.MaxValidity).Unix(), all[1].status(session).Invited.Expires.Unix(), "it is not kept open for ever")
		require.Equal(t, session, all[1].status(session).Session)
	})
}

// What cannot be said in one message is told at once, not after the time of a round.
func TestABundleThatIsTooLargeEndsItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := circle(t, 3)
		all[2].backend.says = make([]byte, 5000)
		h.mu.Lock()
		h.limit = 4000
		h.mu.Unlock()
		began := time.Now()
		session := create(t, all, 2, 1, 1, 1)
		require.Equal(t, began, time.Now())
		st := all[2].status(session)
		require.Equal(t, keygen.Failed, st.State)
		require.Contains(t, st.Detail, "too much for one message")
		require.Contains(t, st.Detail, "fewer seats")
		require.Contains(t, all[0].status(session).Detail, operator(3).String()+" has ended it: what our backend has to say is too much")
		require.Equal(t, map[signer.SessionID]string{session: "abandoned"}, all[2].shelf.assigned())
	})
}
