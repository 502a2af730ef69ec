package dashboard_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/browser"
)

// requireTools is the variable with which a test that would be skipped for want of a program fails.
const requireTools = "WALLETNODE_REQUIRE_TOOLS"

// tab is the page of a browser, with what it asked for and what went wrong in it.
type tab struct {
	context.Context
	t        *testing.T
	mu       sync.Mutex
	requests []string
	failures []string // exceptions, breaches of the page's policy and the like
}

// newTab starts a browser with a page of a width in pixels.
func newTab(t *testing.T, width int64) *tab {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		require.Empty(t, os.Getenv(requireTools), err)
		t.Skip("the page is not tried in a browser: ", err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*patience)
	t.Cleanup(cancel)
	ctx, stop, err := browser.Open(ctx)
	require.NoError(t, err)
	t.Cleanup(stop)
	p := &tab{Context: ctx, t: t}
	chromedp.ListenTarget(ctx, p.note)
	p.do(network.Enable(), emulation.SetDeviceMetricsOverride(width, 900, 1, width < 500))
	return p
}

// note keeps what the page asks for and what goes wrong in it.
func (p *tab) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		p.failures = append(p.failures, e.ExceptionDetails.Error())
	case *log.EventEntryAdded: // a request that fails is no failure of the page
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			p.failures = append(p.failures, e.Entry.Text)
		}
	case *page.EventJavascriptDialogOpening:
		p.failures = append(p.failures, "a dialog of a script: "+e.Message)
	}
}

func (p *tab) do(actions ...chromedp.Action) {
	p.t.Helper()
	require.NoError(p.t, chromedp.Run(p.Context, actions...))
}

// until waits for an expression to be true in the page. What the page does meanwhile, going elsewhere included, is not in the
// way.
func (p *tab) until(expression string, args ...any) {
	p.t.Helper()
	expression = fmt.Sprintf(expression, args...)
	require.Eventually(p.t, func() bool {
		ctx, cancel := context.WithTimeout(p.Context, patience/10) // a page that is being left may never answer
		defer cancel()
		var met bool
		return chromedp.Run(ctx, chromedp.Evaluate(expression, &met)) == nil && met
	}, patience, 20*time.Millisecond, "the page never came to: %s", expression)
}

// says waits for a text in an element.
func (p *tab) says(selector, text string) {
	p.t.Helper()
	p.until("(document.querySelector(%q)?.textContent ?? '').includes(%q)", selector, text)
}

func (p *tab) eval(expression string, into any) {
	p.t.Helper()
	p.do(chromedp.Evaluate(expression, into))
}

// unharmed checks that the page asked nobody but its own origin, and that nothing went wrong in it.
func (p *tab) unharmed(origins ...*httptest.Server) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, asked := range p.requests {
		u, err := url.Parse(asked)
		require.NoError(p.t, err)
		own := false
		for _, o := range origins {
			own = own || strings.HasPrefix(asked, o.URL+"/")
		}
		require.True(p.t, own || u.Scheme == "data", "the page asked for %s", asked)
	}
	require.NotEmpty(p.t, p.requests)
	require.Empty(p.t, p.failures)
}
