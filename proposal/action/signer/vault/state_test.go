package vault

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// pendingKey generates a key that nobody has confirmed.
func pendingKey(t *testing.T) (*rig, signer.KeyDetail) {
	t.Helper()
	r := newRig(t, 1, 1, 1)
	r.invite(signer.FROST, 2)
	done := r.rounds(r.houses, keygen.TopicOf(r.session), r.session, r.generating)
	r.at(firstWindow)
	return r, *done[r.houses[0]].Key
}

func TestAPendingKeySignsNothing(t *testing.T) {
	r, key := pendingKey(t)
	err := r.begin(r.heartbeat(key, firstWindow, 1))
	require.ErrorIs(t, err, signer.ErrFrozen)
	require.ErrorContains(t, err, "pending")
	r.untouched(key)
}

// A key is put to use with what every operator has signed about exactly this key, and nothing less.
func TestAKeyIsPutToUseByAllOperators(t *testing.T) {
	r, key := pendingKey(t)
	v := r.houses[0].vault
	record := r.record(key)
	inv, err := keygen.ReadInvitation(r.opening.Invitation)
	require.NoError(t, err)
	other := key
	other.Verification = map[chain.Seat]signer.HexBytes{1: key.Verification[2], 2: key.Verification[1], 3: key.Verification[3]}
	a, err := keygen.AttestationOf(inv, other)
	require.NoError(t, err)
	var signed [][]byte
	for _, h := range r.houses {
		s, err := keygen.SignAttestation(h.key, a)
		require.NoError(t, err)
		signed = append(signed, s)
	}
	swapped, err := keygen.MakeRecord(r.roster, signed)
	require.NoError(t, err)
	for name, bad := range map[string][]byte{
		"nothing": nil, "half": record[:len(record)/2], "swapped shares": swapped, "no record": []byte("yes"),
	} {
		t.Run(name, func(t *testing.T) {
			err := v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyActive, Record: bad})
			require.ErrorIs(t, err, signer.ErrMalformed)
			require.ErrorIs(t, r.begin(r.heartbeat(key, firstWindow, 1)), signer.ErrFrozen)
		})
	}
	require.NoError(t, v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyActive, Record: record}))
	require.NoError(t, v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyActive, Record: record}))
	require.NoError(t, r.begin(r.heartbeat(key, firstWindow, 1)))
	require.ErrorIs(t, v.SetState(t.Context(), chain.WalletID{1}, signer.StateChange{State: signer.KeyFrozen, Why: "x"}), signer.ErrUnknownKey)
	require.ErrorIs(t, v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyPending}), signer.ErrMalformed)
	require.ErrorIs(t, v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyFrozen}), signer.ErrMalformed)
}

// A frozen key gives no share, not even in a session that was open. For a lasting reason it stays frozen.
func TestAFrozenKeySignsNothing(t *testing.T) {
	for why, lasts := range map[string]bool{"the operator is away": false, signer.WhyRolledBack: true} {
		t.Run(why, func(t *testing.T) {
			r, key := threeOperators(t)
			v := r.houses[0].vault
			p := r.heartbeat(key, firstWindow, 1)
			require.NoError(t, r.begin(p))
			b, err := p.ask(r.houses[1], 1, nil)
			require.NoError(t, err)
			require.NoError(t, v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyFrozen, Why: why}))
			_, err = p.ask(r.houses[0], 2, [][]byte{r.say(r.houses[1], signer.SigningTopic(key.Wallet), p.session(), 1, b.Out)})
			require.ErrorIs(t, err, signer.ErrFrozen)
			r.reopen(r.houses[0])
			v = r.houses[0].vault
			p.attempt = 2
			err = r.begin(p)
			require.ErrorIs(t, err, signer.ErrFrozen)
			require.ErrorContains(t, err, why)

			require.NoError(t, v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyFrozen, Why: "another reason"}))
			k, err := v.Key(t.Context(), key.Wallet)
			require.NoError(t, err)
			require.Equal(t, lasts, k.Why == why, "a lasting reason is not replaced")
			err = v.SetState(t.Context(), key.Wallet, signer.StateChange{State: signer.KeyActive, Record: r.record(key)})
			if lasts {
				require.ErrorIs(t, err, signer.ErrFrozen)
				_, err = v.Export(t.Context(), key.Wallet, "secret")
				require.ErrorIs(t, err, signer.ErrFrozen)
				return
			}
			require.NoError(t, err)
			r.sign(key, p)
		})
	}
}

func TestAWalletThatIsNotHereSignsNothing(t *testing.T) {
	r, key := threeOperators(t)
	p := r.heartbeat(key, firstWindow, 1)
	p.intent.Wallet[0] ^= 1
	require.ErrorIs(t, r.begin(p), signer.ErrUnknownKey)
	_, err := r.houses[0].vault.Key(t.Context(), p.intent.Wallet)
	require.ErrorIs(t, err, signer.ErrUnknownKey)
	_, err = r.houses[0].vault.Protection(t.Context(), p.intent.Wallet)
	require.ErrorIs(t, err, signer.ErrUnknownKey)
	_, err = r.houses[0].vault.Export(t.Context(), p.intent.Wallet, "secret")
	require.ErrorIs(t, err, signer.ErrUnknownKey)
}

// Another wallet's statement and name do not make this one's shares sign.
func TestAnotherWalletsIntentIsRefused(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	one, two := r.generate(signer.FROST, 2), r.generate(signer.FROST, 2)
	r.at(firstWindow)
	p := r.heartbeat(one, firstWindow, 1)
	p.intent.Wallet = two.Wallet
	wantRefused(t, signer.RuleStatement, r.begin(p))
	q := r.redemption(one, firstWindow, coins(one, 500_000, 1), script(1))
	q.intent.Wallet, q.intent.Statement = two.Wallet, r.statement(r.houses[0], two, firstWindow, q.proposal)
	var refused *signer.Refused
	require.ErrorAs(t, r.begin(q), &refused, "it spends another wallet's coins")
}

func TestKeysAreListedInPages(t *testing.T) {
	r := newRig(t, 1, 1)
	want := map[chain.WalletID]bool{}
	for range 5 {
		want[r.generate(signer.FROST, 2).Wallet] = true
	}
	v := r.houses[0].vault
	var after *chain.WalletID
	var all []signer.Key
	for {
		page, err := v.Keys(t.Context(), after, 2)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), 2)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		after = &page[len(page)-1].Wallet
	}
	require.Len(t, all, 5)
	for i, k := range all {
		require.True(t, want[k.Wallet])
		require.True(t, i == 0 || bytes.Compare(all[i-1].Wallet[:], k.Wallet[:]) < 0)
		one, err := v.Key(t.Context(), k.Wallet)
		require.NoError(t, err)
		require.Equal(t, k, one.Key)
		require.Len(t, one.Verification, 2)
		require.Equal(t, r.roster, one.Roster)
	}
	_, err := v.Keys(t.Context(), nil, 0)
	require.ErrorIs(t, err, signer.ErrMalformed)
	require.Equal(t, 5, health(t, v).Keys)
}

// An export freezes the key for ever, and carries all that it is bound to.
func TestAnExportMovesAKeyWithItsProtection(t *testing.T) {
	r, key := threeOperators(t)
	old := r.houses[0]
	main := coins(key, 900_000, 1)
	first := r.redemption(key, firstWindow, main, script(1))
	r.sign(key, first)
	_, err := old.vault.Sign(t.Context(), signer.SignRound{
		Session: first.session(), Round: 1, Open: first.round1().Open, Term: signer.Term{Generation: 1, Epoch: 3},
	})
	require.NoError(t, err)
	file, err := old.vault.Export(t.Context(), key.Wallet, "secret")
	require.NoError(t, err)
	again, err := old.vault.Export(t.Context(), key.Wallet, "secret")
	require.NoError(t, err, "the first file may be lost")
	before, err := old.vault.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)

	open := first
	open.attempt = 9
	frozen := open.round1()
	frozen.Term = signer.Term{Generation: 1, Epoch: 3}
	_, err = old.vault.Sign(t.Context(), frozen)
	require.ErrorIs(t, err, signer.ErrFrozen)
	require.ErrorIs(t, old.vault.SetState(t.Context(), key.Wallet, signer.StateChange{
		State: signer.KeyActive, Record: r.record(key), Term: signer.Term{Generation: 1, Epoch: 3},
	}), signer.ErrFrozen)
	_, err = old.vault.Import(t.Context(), file, "secret")
	require.ErrorIs(t, err, signer.ErrConflict, "it is there already")

	next := &house{key: old.key, op: old.op, cfg: testConfig(t)}
	next.cfg.Now = old.cfg.Now
	next.vault = openVault(t, next.cfg)
	_, err = next.vault.Import(t.Context(), file, "public")
	require.ErrorIs(t, err, ErrPassword)
	_, err = next.vault.Import(t.Context(), file, "")
	require.ErrorIs(t, err, ErrPassword)
	_, err = next.vault.Import(t.Context(), file[:len(file)-1], "secret")
	require.Error(t, err)
	_, err = next.vault.Import(t.Context(), []byte("no age file"), "secret")
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrPassword)
	got, err := next.vault.Import(t.Context(), again, "secret")
	require.NoError(t, err)
	require.Equal(t, signer.KeyActive, got.State)
	after, err := next.vault.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, signer.Term{Generation: 1, Epoch: 3}, after.Term)

	r.houses[0] = next
	ask := func(p plan) error {
		s := p.round1()
		s.Term = after.Term
		_, err := next.vault.Sign(t.Context(), s)
		return err
	}
	wantRefused(t, signer.RuleTerm, r.begin(open))
	wantRefused(t, signer.RuleSlot, ask(r.heartbeat(key, firstWindow, 1)))
	require.ErrorIs(t, ask(first), signer.ErrSessionGone, "the other vault has answered it")
	r.at(firstWindow + 900)
	wantRefused(t, signer.RuleOutpoint, ask(r.redemption(key, firstWindow+900, main, script(2))))
	wantRefused(t, signer.RuleDouble, ask(r.redemption(key, firstWindow+900, coins(key, 500_000, 2), script(1))))
	_, err = next.vault.Generate(t.Context(), signer.GenerateRound{Session: r.session, Round: 2})
	require.ErrorIs(t, err, signer.ErrSessionGone, "its generation is known")
}

// After an import the others go on as before: also what they seal for the wallet opens.
func TestAnImportedKeySigns(t *testing.T) {
	r, key := threeOperators(t)
	old := r.houses[0]
	file, err := old.vault.Export(t.Context(), key.Wallet, "secret")
	require.NoError(t, err)
	next := &house{key: old.key, op: old.op, cfg: testConfig(t)}
	next.cfg.Now = old.cfg.Now
	next.vault = openVault(t, next.cfg)
	_, err = next.vault.Import(t.Context(), file, "secret")
	require.NoError(t, err)
	k, err := next.vault.readKey(t.Context(), key.Wallet)
	require.NoError(t, err)
	secret, err := next.vault.secret(k)
	require.NoError(t, err)
	require.Equal(t, r.seal(old).raw, secret.Seal)
	r.houses[0] = next
	r.sign(key, r.heartbeat(key, firstWindow, 1))
}

// Whoever imports one wallet can open what was ever sealed for it, and nothing that was sealed for another one.
func TestAnExportOpensNoOtherWalletsParcels(t *testing.T) {
	r := newRig(t, 1, 1)
	one := r.generate(signer.FROST, 2)
	first, told := r.session, sealedParts(t, r.traffic)
	r.traffic = nil
	r.generate(signer.FROST, 2)
	second, others := r.session, sealedParts(t, r.traffic)
	require.Len(t, told, 2)
	require.Len(t, others, 2)
	h := r.houses[0]
	file, err := h.vault.Export(t.Context(), one.Wallet, "secret")
	require.NoError(t, err)
	next := openVault(t, testConfig(t))
	_, err = next.Import(t.Context(), file, "secret")
	require.NoError(t, err)
	k, err := next.readKey(t.Context(), one.Wallet)
	require.NoError(t, err)
	secret, err := next.secret(k)
	require.NoError(t, err)
	moved, _, err := parseSealKey(secret.Seal)
	require.NoError(t, err)
	plain, err := decrypt(file, "secret", maxExport)
	require.NoError(t, err)
	require.NotContains(t, string(plain), base64.StdEncoding.EncodeToString(h.vault.seed))
	for i, to := range []struct {
		session signer.SessionID
		parts   []sealedPart
	}{{first, told}, {second, others}} {
		own, err := h.vault.sealingOf(to.session)
		require.NoError(t, err)
		for _, part := range to.parts {
			if part.to != h.op {
				continue
			}
			_, err := unseal(own.key, part.info(to.session), part.data)
			require.NoError(t, err)
			_, err = unseal(moved, part.info(to.session), part.data)
			require.Equal(t, i == 0, err == nil)
		}
	}
}

// What is frozen when it is exported is frozen where it is imported; what is pending is pending.
func TestAnExportCarriesTheState(t *testing.T) {
	for _, state := range []signer.KeyState{signer.KeyPending, signer.KeyFrozen} {
		t.Run(string(state), func(t *testing.T) {
			r, key := pendingKey(t)
			old := r.houses[0]
			if state == signer.KeyFrozen {
				require.NoError(t, old.vault.SetState(t.Context(), key.Wallet, signer.StateChange{State: state, Why: "away"}))
			}
			file, err := old.vault.Export(t.Context(), key.Wallet, "secret")
			require.NoError(t, err)
			got, err := openVault(t, testConfig(t)).Import(t.Context(), file, "secret")
			require.NoError(t, err)
			require.Equal(t, state, got.State)
		})
	}
}

// A file that says nothing of what was signed, or less than it says elsewhere, is refused.
func TestAnImportTakesItsProtectionRows(t *testing.T) {
	r, key := threeOperators(t)
	r.sign(key, r.heartbeat(key, firstWindow, 1))
	r.at(firstWindow + 900)
	r.sign(key, r.redemption(key, firstWindow+900, coins(key, 900_000, 1), script(1)))
	file, err := r.houses[0].vault.Export(t.Context(), key.Wallet, "secret")
	require.NoError(t, err)
	plain, err := decrypt(file, "secret", maxExport)
	require.NoError(t, err)
	v := openVault(t, testConfig(t))
	for name, change := range map[string]func(e *exported){
		"none":                  func(e *exported) { e.Protection = nil },
		"no bonds":              func(e *exported) { e.Protection.Bonds = nil },
		"the newest is missing": func(e *exported) { e.Protection.Bonds = e.Protection.Bonds[:1] },
		"one twice":             func(e *exported) { e.Protection.Bonds[0] = e.Protection.Bonds[1] },
		"no outpoints":          func(e *exported) { e.Protection.Bonds[1].Spends = nil },
		"no payments":           func(e *exported) { e.Protection.Bonds[1].Pays = nil },
		"no transaction":        func(e *exported) { e.Protection.Bonds[1].Tx = nil },
		"half a transaction":    func(e *exported) { e.Protection.Bonds[1].Tx = e.Protection.Bonds[1].Tx[1:] },
		"never used, it says":   func(e *exported) { e.Protection.Bonds, e.Key.LastWindow = nil, 0 },
		"another wallet":        func(e *exported) { e.Key.Wallet[0]++ },
		"another format":        func(e *exported) { e.Format++ },
		"no shares":             func(e *exported) { e.Secret.Shares = nil },
		"another seat's share": func(e *exported) {
			e.Key.Seats = []chain.Seat{2}
			e.Secret.Shares[2] = e.Secret.Shares[1]
			delete(e.Secret.Shares, 1)
		},
		"a share that is none":  func(e *exported) { e.Secret.Shares[1] = []byte{1} },
		"another key":           func(e *exported) { e.Key.GroupKey[10]++ },
		"no backend key":        func(e *exported) { e.Secret.Seal = nil },
		"a state that is none":  func(e *exported) { e.Key.State = "ready" },
		"an anchor far away":    func(e *exported) { e.Anchor.Height = 1 << 63 },
		"a roster of others":    func(e *exported) { e.Detail.Roster = e.Detail.Roster[:1] },
		"a term from elsewhere": func(e *exported) { e.Protection.Term.Epoch = 1 << 63 },
	} {
		t.Run(name, func(t *testing.T) {
			var e exported
			require.NoError(t, json.Unmarshal(plain, &e))
			change(&e)
			changed, err := json.Marshal(e)
			require.NoError(t, err)
			bad, err := encrypt(changed, "secret", minWork)
			require.NoError(t, err)
			_, err = v.Import(t.Context(), bad, "secret")
			require.ErrorIs(t, err, signer.ErrMalformed)
			keys, err := v.Keys(t.Context(), nil, 1)
			require.NoError(t, err)
			require.Empty(t, keys)
		})
	}
}

// If the freeze cannot be written down, nothing is exported.
func TestAnExportThatCannotFreezeGivesNothing(t *testing.T) {
	r, key := threeOperators(t)
	crashAt(r.houses[0].vault, 1, false)
	file, err := r.houses[0].vault.Export(t.Context(), key.Wallet, "secret")
	require.ErrorIs(t, err, signer.ErrStoreFailed)
	require.Nil(t, file)
	_, err = r.houses[0].vault.Export(t.Context(), key.Wallet, "")
	require.ErrorIs(t, err, ErrPassword)
}

// The files of a vault hold no share as it is: a copy of them is of no use without the password.
func TestFilesHoldNoSecretOpenly(t *testing.T) {
	r, key := threeOperators(t)
	h := r.houses[0]
	k, err := h.vault.readKey(t.Context(), key.Wallet)
	require.NoError(t, err)
	secret, err := h.vault.secret(k)
	require.NoError(t, err)
	files, err := os.ReadDir(h.cfg.Dir)
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(h.cfg.Dir + "/" + f.Name())
		require.NoError(t, err)
		require.False(t, bytes.Contains(data, h.vault.seed), f.Name())
		require.False(t, bytes.Contains(data, secret.Seal), f.Name())
		for _, share := range secret.Shares {
			require.False(t, bytes.Contains(data, share), f.Name())
		}
	}
}
