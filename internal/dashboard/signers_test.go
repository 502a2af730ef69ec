package dashboard_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// evil is what a peer or a signer may say.
const evil = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>"'></td></tr>`

// harmless checks that nothing that was said became markup.
func (p *tab) harmless() {
	p.t.Helper()
	var markup []string
	p.eval(`[...document.querySelectorAll("img, body script, svg, iframe, [onerror], [onload], [onclick]")].map((e) => e.outerHTML)`, &markup)
	require.Empty(p.t, markup)
	var hurt bool
	p.eval(`window.hurt !== undefined`, &hurt)
	require.False(p.t, hurt)
}

// narrow checks that nothing of an element lies beyond the screen.
func (p *tab) narrow(selector string) {
	p.t.Helper()
	p.until(`document.documentElement.scrollWidth <= innerWidth`)
	var beyond []string
	p.eval(fmt.Sprintf(`[...document.querySelectorAll("%s *")].filter((e) => !e.closest("thead") && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120))`, selector), &beyond)
	require.Empty(p.t, beyond)
}

// A whole node on SQLite with a signer in its process. That one does not have the key of the first wallet; the second wallet's
// signer is not in the configuration any more.
func TestThePageShowsTheSignersLive(t *testing.T) {
	t.Parallel()
	n, _, self := newNode(t, true)
	first, second := known(t, n, "first", self, operator(2)), known(t, n, "second", self, operator(2))
	shares(t, n, first, 1, "embedded")
	shares(t, n, second, 2, "enclave-9")
	start(t, n)
	for _, width := range []int64{desktop, phone} {
		server, p := serve(t, node.NewBoard(n), ""), newTab(t, width)
		p.do(chromedp.Navigate(server.URL))
		p.until(`!document.getElementById("signers").hidden && document.querySelectorAll("#signers tbody tr").length === 2`)
		row := `([...document.querySelectorAll("#signers tbody tr")].find((r) => r.textContent.includes(%q))?.textContent ?? "").includes(%q)`
		for _, said := range [][2]string{
			{"embedded", "in this process"},
			{"embedded", "healthy"},
			{"embedded", "0 of 40"},
			{"embedded", "1 lost"},
			{"embedded", "1 unsignable"},
			{"embedded", "missing"},
			{"enclave-9", "removed"},
			{"enclave-9", "1 unsignable"},
		} {
			p.until(row, said[0], said[1])
		}
		for id, why := range map[chain.WalletID]string{first.ID(): "missing", second.ID(): "signer enclave-9 is not in the configuration any more"} {
			p.until(`[...document.querySelectorAll("#unsignable li")].some((i) => i.querySelector("[title='%s']") && i.textContent.includes(%q))`, id, why)
		}
		p.do(chromedp.Evaluate(`window.sameDocument = true`, nil))
		require.NoError(t, n.Signers().Say(t.Context(), "embedded", placement.Retired, evil, false))
		p.until(row, "embedded", "retired")
		p.until(row, "embedded", "safe to shut down") // what it had is lost
		p.until(row, "embedded", evil)
		require.NoError(t, n.Signers().Say(t.Context(), "embedded", placement.Active, "the operator", false))
		p.until(row, "embedded", "active")
		p.until(`window.sameDocument === true`)
		p.narrow("#signers")
		p.harmless()
		p.unharmed(server)
	}
}

func TestAPageWithoutSignersHasNoSuchSection(t *testing.T) {
	t.Parallel()
	n, _, self := newNode(t, false)
	known(t, n, "first", self, operator(2))
	start(t, n)
	server, p := serve(t, node.NewBoard(n), ""), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL))
	p.until(`document.querySelectorAll("#wallets tbody tr").length === 1`)
	p.until(`document.getElementById("signers").hidden && document.getElementById("signers").getBoundingClientRect().height === 0`)
	p.unharmed(server)
}

// What is stored of an action reaches the page through the node's own source of records.
func TestTheRecordOfAWindowShowsItsAttempts(t *testing.T) {
	t.Parallel()
	n, _, self := newNode(t, true)
	w := known(t, n, "first", self, operator(2), operator(3), operator(4))
	agreed(t, n, w, 6300)
	asked(t, n, w, 6300, "", action.SignerUnavailable)
	agreed(t, n, w, 7200)
	txid := asked(t, n, w, 7200, evil, action.OK)
	require.NoError(t, n.Store().SaveInactivity(t.Context(), w.ID(), 7200, signing.Absence{Seats: []chain.Seat{4}, Operators: []chain.Operator{operator(4)}}, 7340))
	start(t, n)
	for _, width := range []int64{desktop, phone} {
		server, p := serve(t, node.NewBoard(n), ""), newTab(t, width)
		p.do(chromedp.Navigate(fmt.Sprintf("%s/#window=7200&wallet=%s", server.URL, w.ID())))
		for _, said := range []string{
			"blocks 7300 to", "ok", txid, "signed", "fee 1000 sat", "signed at block 7341", "2 attempts begun",
			"1: 36 blocks, 7301 to 7337", "cheated", "seats 1, 2, 3", "3 seats there", "2: 3 blocks, 7338 to 7341", "seats 1, 3, 4",
			"two lists", "seat 2", "2 signed messages prove it", evil, "seats 4 of ", "absent from several poor heartbeats",
		} {
			p.says("#record-body", said)
		}
		of := func(label string, op chain.Operator) {
			t.Helper()
			p.until(`[...document.querySelectorAll("#record-body .attempt div")].some((d) => d.textContent.includes(%q) && d.querySelector("[title='%s']"))`, label, op)
		}
		of("absent", operator(4))
		of("silent", operator(3))
		of("named by", operator(2))
		p.narrow("#record-body")
		p.harmless()
		p.do(chromedp.Evaluate(fmt.Sprintf(`location.hash = "window=6300&wallet=%s"`, w.ID()), nil))
		p.says("#record-body", "signer unavailable")
		p.says("#record-body", "signed by the other operators at block 6441")
		p.unharmed(server)
	}
}

// A page of many signers and wallets shows the first of what was found, and how many there are.
func TestWhatIsFoundInSignersIsBoundedOnThePage(t *testing.T) {
	t.Parallel()
	var found []placement.Finding
	var held []placement.Assignment
	for i := range 70 {
		found = append(found, placement.Finding{Kind: placement.Missing, Wallet: wallet(byte(i)), Detail: evil})
		held = append(held, placement.Assignment{Wallet: wallet(byte(i)), Backend: "enclave-1", State: placement.Lost})
	}
	held = append(held, placement.Assignment{Wallet: wallet(80), Backend: "enclave-1", State: placement.Pending},
		placement.Assignment{Wallet: wallet(81), Backend: "enclave-1", State: placement.Assigned, Archived: true},
		placement.Assignment{Wallet: wallet(82), Backend: "enclave-1", State: placement.Assigned})
	source := sample()
	source.change(func(b *view.Board) {
		b.Live.Signers = new(view.NewBoardSigners([]placement.Status{{Spec: placement.Spec{ID: evil, Where: evil}, Trouble: evil, Findings: found}}, held, func(w chain.WalletID) error {
			if w == wallet(82) {
				return nil
			}
			return fmt.Errorf("lost: %s", evil)
		}))
	})
	server, p := serve(t, source, ""), newTab(t, phone)
	p.do(chromedp.Navigate(server.URL))
	p.says("#signers tbody", "and 50 more")
	p.until(`document.querySelectorAll("#unsignable li").length === 51`)
	p.says("#unsignable", "and 20 more")
	p.says("#unsignable", evil)
	p.narrow("#signers")
	p.harmless()
	p.unharmed(server)
}
