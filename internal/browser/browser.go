// Package browser starts a browser without a window, for tests of the dashboard and for pictures.
//
// It needs Chromium on the PATH, and says so where there is none; it installs and fetches nothing.
package browser

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/chromedp/chromedp"
)

// program is the browser's, as Debian has it.
const program = "chromium"

// Find returns where the browser is, or an error that says what to install.
func Find() (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is not installed: %w", program, err)
	}
	return path, nil
}

// startTimeout is how long a browser may take to start on a machine that has much else to do.
const startTimeout = 2 * time.Minute

// Open returns a context of a page for chromedp.Run, which starts the browser at its first use. Close ends the browser, as does
// the end of ctx.
func Open(ctx context.Context) (page context.Context, closePage func(), err error) {
	path, err := Find()
	if err != nil {
		return nil, nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, // who builds in a container is root, and the pages are our own
		chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(startTimeout))
	ctx, stopBrowser := chromedp.NewExecAllocator(ctx, options...)
	quiet := func(string, ...any) {} // it complains of events that it does not know
	ctx, stopPage := chromedp.NewContext(ctx, chromedp.WithErrorf(quiet))
	return ctx, func() { stopPage(); stopBrowser() }, nil
}
