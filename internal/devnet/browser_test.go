package devnet

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/browser"
)

// watcher is a browser that looks at the dashboard of one instance while others are struck.
type watcher struct{ context.Context }

// watching writes down what the page shows of each instance, by name, whenever it looks different.
const watching = `
window.shown = {};
window.note = () => {
	for (const row of document.querySelectorAll("#instances tbody tr")) {
		const name = row.cells[0].textContent.trim().split(/\s/)[0];
		const texts = (window.shown[name] ??= []);
		if (texts.at(-1) !== row.textContent) { texts.push(row.textContent); }
	}
};
window.note();
new MutationObserver(window.note).observe(document.body, { subtree: true, childList: true, characterData: true });
true`

// watch opens an instance's page in a browser and shows it the token; nil where there is no browser and none is required.
func watch(t *testing.T, url, token string) *watcher {
	t.Helper()
	if _, err := browser.Find(); err != nil {
		require.Empty(t, os.Getenv("WALLETNODE_REQUIRE_TOOLS"), err)
		t.Log("the page is not tried in a browser: ", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Minute)
	t.Cleanup(cancel)
	ctx, stop, err := browser.Open(ctx)
	require.NoError(t, err)
	t.Cleanup(stop)
	w := &watcher{ctx}
	require.NoError(t, chromedp.Run(ctx, chromedp.Navigate(url), chromedp.SendKeys("#token", token+kb.Enter, chromedp.NodeVisible),
		chromedp.WaitVisible("#instances tbody tr"), chromedp.Evaluate(watching, nil)))
	return w
}

// shown returns what the page has shown of each instance since it was opened. It was not loaded anew since then.
func (w *watcher) shown(t *testing.T) map[string][]string {
	t.Helper()
	shown := make(map[string][]string)
	require.NoError(t, chromedp.Run(w.Context, chromedp.Evaluate("window.shown", &shown)))
	return shown
}
