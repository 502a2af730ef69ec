package dashboard_test

import (
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/dashboard"
	"github.com/walletnode/walletnode/internal/view"
)

const desktop, phone = 1280, 375

func TestThePageShowsThreeInstancesAndTheirWindow(t *testing.T) {
	t.Parallel()
	source := sample()
	server, p := serve(t, source, ""), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL))
	p.until(`document.querySelectorAll("#instances tbody tr").length === 3`)
	for _, id := range []string{"vienna-1", "vienna-2", "oslo-1"} {
		p.says("#instances", id)
	}
	p.says("#phase", "active")
	p.says("#phase", "47 blocks left")
	p.until(`document.querySelectorAll("#wallets tbody tr").length === 5`)
	p.says("#wallets tbody", "vienna-2") // who serves
	p.says("#now-facts", "known in 835 blocks")
	p.says("#faults", "leader equivocation")
	p.says("#peers", "connection refused")
	p.says("#endpoints", "14 blocks behind")
	p.until(`document.querySelector("#heat-chart canvas")?.width > 0`)
	p.until(`document.getElementById("heat-chart").ariaLabel.startsWith("7 operators in 56 windows")`)
	source.change(func(b *view.Board) { // as the feed tells it
		b.Records.Wallets = slices.Clone(b.Records.Wallets)
		b.Records.Version, b.Records.Wallets[1].Outcome, b.Live.RecordsVersion = 2, new("executed"), 2
	})
	p.until(`document.querySelector("#wallets tbody").textContent.includes("ok, Redemption, executed")`)
	p.unharmed(server)
}

func TestAFailoverIsFollowedWithoutAReload(t *testing.T) {
	t.Parallel()
	source := sample()
	server, p := serve(t, source, ""), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL))
	row := `[...document.querySelectorAll("#instances tbody tr")].find((r) => r.textContent.includes(%q))?.textContent ?? ""`
	p.until(`(`+row+`).includes("serving")`, "vienna-2")
	p.do(chromedp.Evaluate(`window.sameDocument = true`, nil))

	source.change(func(b *view.Board) {
		list := slices.Clone(b.Live.Instances.Instances)
		list[1].State, list[1].LeaseMS, list[1].Wallets = view.InstanceDead, 0, []chain.WalletID{}
		list[2].Wallets = []chain.WalletID{wallet(2), wallet(3), wallet(5)}
		b.Live.Instances.Instances = list
	})
	p.until(`(`+row+`).includes("dead")`, "vienna-2")
	p.until(`(`+row+`).includes("over")`, "vienna-2")
	p.until(`![...document.querySelectorAll("#wallets tbody tr")].some((r) => r.textContent.includes("vienna-2"))`)
	p.until(`[...document.querySelectorAll("#wallets tbody tr")].filter((r) => r.textContent.includes("oslo-1")).length === 3`)

	source.change(func(b *view.Board) { // the window ends, and its records come
		b.Live.Window = &view.Phase{Window: newest, Index: newest / 900, Phase: "passive", Left: 19}
		b.Live.RecordsVersion, b.Records.Version = 2, 2
		b.Records.Wallets = slices.Clone(b.Records.Wallets)
		b.Records.Wallets[0].State, b.Records.Wallets[0].Reason = b.Records.Wallets[1].State, b.Records.Wallets[1].Reason
	})
	p.says("#phase", "passive")
	p.until(`[...document.querySelectorAll("#wallets tbody tr")].filter((r) => r.textContent.includes("ok")).length === 2`)
	var same bool
	p.eval(`window.sameDocument === true`, &same)
	require.True(t, same, "the page was loaded again")
	p.unharmed(server)
}

func TestACellOfTheHeatmapOpensItsWindowsRecord(t *testing.T) {
	t.Parallel()
	source := sample()
	server, p := serve(t, source, ""), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL))
	p.until(`document.querySelector("#heat-chart canvas")?.width > 0`)
	p.do(chromedp.ScrollIntoView("#heat-chart"))

	// The newest window is the last column, which ends at the chart's margin; the sixth operator's line is the sixth.
	var at struct{ X, Y float64 }
	line := slices.Index(source.Board().Records.Heat.Operators, operator(6))
	p.eval(fmt.Sprintf(`(() => { const r = document.getElementById("heat-chart").getBoundingClientRect(); return { X: r.right - 10 - 6, Y: r.top + 6 + 24 * %d + 12 } })()`, line), &at)
	p.do(chromedp.MouseClickXY(at.X, at.Y))
	p.until(`document.getElementById("record").open`)
	p.says("#record-title", fmt.Sprint(newest))
	p.says("#record-body", "claimed seat 17")
	p.says("#record-body", "leader impersonation")
	p.says("#record-body", "Redemption, Heartbeat")
	p.until(`document.querySelector("#record-body [title='%s']") !== null`, operator(6).String())
	p.until(`location.hash.includes("window=%d")`, newest)

	p.do(chromedp.KeyEvent(kb.Escape))
	p.until(`!document.getElementById("record").open && location.hash === ""`)

	// The same by the table, for those who do not see or point.
	p.do(chromedp.Evaluate(`document.querySelector("#heat-list").open = true`, nil))
	p.until(`document.querySelectorAll("#heat-list tbody tr").length > 50`)
	p.do(chromedp.Evaluate(`[...document.querySelectorAll("#heat-list tbody tr")].find((r) => r.textContent.includes("impersonation")).querySelector("button").click()`, nil))
	p.until(`document.getElementById("record").open`)
	p.says("#record-body", "claimed seat 17")

	// A window of which nothing is stored says so.
	p.do(chromedp.Evaluate(`location.hash = "window=900"`, nil))
	p.says("#record-body", "nothing is recorded of window 900")
	p.unharmed(server)
}

func TestAPhoneShowsThePageWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	source := sample()
	server, p := serve(t, source, ""), newTab(t, phone)
	p.do(chromedp.Navigate(server.URL))
	p.until(`document.querySelectorAll("#instances tbody tr").length === 3 && document.querySelector("#heat-chart canvas")?.width > 0`)
	p.until(`innerWidth === %d`, phone)
	p.until(`document.documentElement.scrollWidth <= innerWidth`)
	// Nothing is cut off either, but for the heatmap, which scrolls within itself.
	var beyond []string
	p.eval(`[...document.querySelectorAll("main *")].filter((e) => !e.closest(".scroll, thead") && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120))`, &beyond)
	require.Empty(t, beyond)
	p.do(chromedp.Evaluate(`document.querySelector("#faults button").click()`, nil))
	p.says("#record-body", "claimed seat 17")
	p.until(`document.getElementById("record").getBoundingClientRect().right <= innerWidth`)
	p.unharmed(server)
}

// What peers say reaches the page in details, errors and names. None of it may become markup.
func TestHostileTextsAreShownAsText(t *testing.T) {
	t.Parallel()
	const evil = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>"'><svg onload=window.hurt=1>{{7*7}}</td></tr>`
	source := sample()
	source.change(func(b *view.Board) {
		b.Live.Trouble, b.Live.Version = evil, evil
		list := b.Live.Instances.Instances
		list[1].ID, list[1].Detail, list[1].Version, list[1].Wish, list[1].State = evil, evil, evil, evil, evil
		list[1].URLs = []string{`javascript:window.hurt=1`, `data:text/html,<script>window.hurt=1</script>`, evil, `https://good.example.org/?a="onclick="window.hurt=1`}
		b.Live.Peers[0].ID, b.Live.Peers[0].State, b.Live.Peers[0].LastError = evil, evil, new(evil)
		b.Live.Endpoints.Endpoints[2].Name, b.Live.Endpoints.Endpoints[2].Detail, b.Live.Endpoints.Endpoints[2].Address = evil, evil, evil
		b.Records.Faults[0].Detail, b.Records.Wallets[0].Halted = evil, evil
		b.Records.Heat.Cells[0].State = evil
		trace := source.traces[newest]
		trace.Wallets[0].Detail, trace.Wallets[0].Faults[0].Detail, trace.Wallets[0].Checklist = evil, evil, []string{evil}
		trace.Wallets[0].Statements[0].Verdict, trace.Wallets[0].Action = evil, new(evil)
		trace.Wallets[0].Statements[0].Message = []byte(`{"x":"<img src=x onerror='window.hurt=1'>"}`)
	})
	server, p := serve(t, source, ""), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL + fmt.Sprintf("/#window=%d&operator=%s", newest, operator(6))))
	for _, place := range []string{"#instances", "#wallets", "#faults", "#peers", "#endpoints", "#trouble", "#record-body"} {
		p.says(place, "<img src=x onerror=")
	}
	p.do(chromedp.Evaluate(`document.querySelector("#heat-list").open = true`, nil))
	p.until(`document.querySelectorAll("#heat-list tbody tr").length > 50`)
	var markup, links []string
	p.eval(`[...document.querySelectorAll("img, body script, svg, iframe, [onerror], [onload], [onclick]")].map((e) => e.outerHTML)`, &markup)
	require.Empty(t, markup)
	p.eval(`[...document.querySelectorAll("a[href]")].map((e) => e.protocol).filter((p) => !["http:", "https:"].includes(p))`, &links)
	require.Empty(t, links)
	var hurt bool
	p.eval(`window.hurt !== undefined`, &hurt)
	require.False(t, hurt)
	p.unharmed(server)
}

func TestWhatIsOldIsMarkedAndTheConnectionComesBack(t *testing.T) {
	t.Parallel()
	source := sample()
	server, p := serve(t, source, ""), newTab(t, desktop)
	gate := newGate(t, server)
	p.do(chromedp.Navigate(gate.URL))
	stale := func(section string) string {
		return fmt.Sprintf(`document.querySelector("#%s").hasAttribute("data-stale")`, section)
	}
	p.until(`!` + stale("instances") + ` && !` + stale("now") + ` && document.getElementById("link").dataset.state === "live"`)

	source.change(func(b *view.Board) { b.Live.Instances.AgeMS, b.Live.Trouble = 61_000, "database cannot be reached" }) // the instance's own words
	p.until(stale("instances"))
	p.says("#instances .age", "stale, 1 min")
	p.says("#trouble", "database cannot be reached")
	p.until(`!` + stale("now")) // what the process itself knows is not old
	source.change(func(b *view.Board) { b.Live.Instances.AgeMS, b.Live.Trouble, b.Live.RecordsMS = 0, "", 3_100 })
	p.until(`!` + stale("instances") + ` && ` + stale("wallets") + ` && ` + stale("heat") + ` && ` + stale("faults"))
	source.change(func(b *view.Board) { b.Live.RecordsMS = 0 })
	p.until(`!` + stale("wallets"))
	source.change(func(b *view.Board) { b.Live.RecordsVersion = 0 }) // a process that has just started, and read nothing yet
	p.until(stale("wallets") + ` && ` + stale("heat"))
	source.change(func(b *view.Board) { b.Live.RecordsVersion = 1 })
	p.until(`!` + stale("wallets"))

	gate.shut() // nothing comes any more
	for _, section := range []string{"now", "instances", "wallets", "heat", "faults", "peers", "endpoints"} {
		p.until(stale(section))
	}
	p.says("#link", "no connection")
	p.says("#away", "https://oslo-1.example.org:9443/dashboard/") // a link, for who wants to go at once
	p.do(chromedp.Evaluate(`[...document.querySelectorAll("#away button")].find((b) => b.textContent === "Stay here").click(); window.sameDocument = true`, nil))

	source.change(func(b *view.Board) { b.Live.Window.Left = 12 })
	gate.open()
	p.says("#phase", "12 blocks left")
	p.until(`window.sameDocument === true && document.getElementById("away").hidden && !` + stale("now"))
	p.unharmed(gate.Server)
}

func TestThePageGoesToAnotherInstanceWhenItsOwnStaysAway(t *testing.T) {
	t.Parallel()
	ours, theirs := sample(), sample()
	theirs.change(func(b *view.Board) { b.Live.Self = "oslo-1" })
	first := newGate(t, serve(t, ours, ""))
	other := serve(t, theirs, "")
	below := httptest.NewServer(http.StripPrefix("/dashboard", other.Config.Handler)) // as an instance's API has it
	t.Cleanup(func() { below.CloseClientConnections(); below.Close() })
	ours.change(func(b *view.Board) {
		b.Live.Instances.Instances[1].URLs, b.Live.Instances.Instances[1].LeaseMS = []string{"https://127.0.0.1:1"}, 0 // dead, so it comes last
		b.Live.Instances.Instances[2].URLs = []string{"ftp://nobody.example.org", below.URL + "/"}
	})
	p := newTab(t, desktop)
	p.do(chromedp.Navigate(fmt.Sprintf("%s/#window=%d", first.URL, newest)))
	p.says("#who", "vienna-1")
	p.says("#record-body", "claimed seat 17")
	first.shut()
	p.until(`location.href === %q`, fmt.Sprintf("%s/dashboard/#window=%d", below.URL, newest))
	p.says("#who", "oslo-1")
	p.says("#record-body", "claimed seat 17") // what was open is open again
	p.unharmed(first.Server, below)
}

func TestThePageOfANodeThatStartsSaysSo(t *testing.T) {
	t.Parallel()
	s, err := dashboard.New(dashboard.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	server, p := run(t, s), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL))
	p.says("#link", "the node is starting")
	p.do(chromedp.Evaluate(`window.sameDocument = true`, nil))
	s.Open(sample())
	p.says("#phase", "active")
	p.until(`window.sameDocument === true && !document.getElementById("main").hidden`)
	p.unharmed(server)
}

func TestThePageAsksOnceForTheToken(t *testing.T) {
	t.Parallel()
	const token = "a-word-of-thirty-two-characters-or-more"
	server, p := serve(t, sample(), token), newTab(t, phone)
	p.do(chromedp.Navigate(server.URL))
	p.until(`!document.getElementById("login").hidden && document.getElementById("main").hidden`)
	p.do(chromedp.SendKeys("#token", "not the token"+kb.Enter))
	p.says("#refused", "not the token")
	p.do(chromedp.Evaluate(`document.getElementById("token").value = ""`, nil), chromedp.SendKeys("#token", token+kb.Enter))
	p.says("#phase", "active")
	p.until(`document.getElementById("login").hidden && document.cookie === ""`) // no script sees it
	p.do(chromedp.Reload())
	p.says("#phase", "active")
	p.until(`document.getElementById("login").hidden`)
	p.unharmed(server)
}

var screenshot = flag.String("screenshot", "", "write the page as docs/dashboard.md shows it to this PNG file")

func TestScreenshot(t *testing.T) {
	if *screenshot == "" {
		t.Skip("no -screenshot file was named")
	}
	server, p := serve(t, sample(), ""), newTab(t, desktop)
	p.do(chromedp.Navigate(server.URL), emulation.SetDeviceMetricsOverride(1120, 1130, 1, false))
	p.until(`document.querySelectorAll("#instances tbody tr").length === 3 && document.querySelector("#heat-chart canvas")?.width > 0 && document.getElementById("link").dataset.state === "live"`)
	var image []byte
	p.do(chromedp.CaptureScreenshot(&image))
	require.NoError(t, os.WriteFile(*screenshot, image, 0o644))
}

// gate stands before a server and can be shut: then connections break, as when a process dies.
type gate struct {
	*httptest.Server
	closed atomic.Bool
}

func newGate(t *testing.T, server *httptest.Server) *gate {
	g := new(gate)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.closed.Load() {
			panic(http.ErrAbortHandler)
		}
		server.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

func (g *gate) shut() { g.closed.Store(true); g.CloseClientConnections() }
func (g *gate) open() { g.closed.Store(false) }
