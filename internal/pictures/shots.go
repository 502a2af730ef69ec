//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/walletnode/walletnode/internal/browser"
)

// paper is the page on which a terminal's lines are photographed.
var paper = template.Must(template.New("").Parse(`<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #10161a; }
pre { margin: 0; padding: 14px 18px; display: inline-block; color: #d5dedb; font: 13px/1.4 "DejaVu Sans Mono", monospace; }
b { color: #6fd3bb; font-weight: 400; }
</style><pre id="terminal"><b>$ {{.Command}}</b>
{{range .Lines}}{{.}}
{{end}}</pre>`))

// terminalPicture shows a devnet whose leaders are two-faced: what it says at the start, two windows that were judged, and the bar
// in the third.
func terminalPicture(ctx context.Context, program, file string) (err error) {
	d, err := start(program, "--scenario", "two-faced-leader")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	lines, err := d.await(ctx, "window 2700: active phase")
	if err != nil {
		return err
	}
	var page strings.Builder
	if err := paper.Execute(&page, struct {
		Command string
		Lines   []string
	}{d.command, lines}); err != nil {
		return err
	}
	height := 50 + 19*int64(len(lines)+1)
	return shoot(ctx, file, emulation.SetDeviceMetricsOverride(1100, height, 1, false), chromedp.Navigate("data:text/html;charset=utf-8,"+url.PathEscape(page.String())),
		chromedp.WaitVisible("#terminal"))
}

// Where the devnet says that the first instance has its dashboard, and what to show it.
var (
	boardAt = regexp.MustCompile(`its dashboard is (http://[0-9.:]+/)`)
	tokenIn = regexp.MustCompile(`dashboards and APIs ask for the token in (\S+/token)`)
)

// settled is when the page shows what is live, and has drawn its chart.
const settled = `document.querySelectorAll("#instances tbody tr").length === 3 && document.querySelector("#heat-chart canvas")?.width > 0 &&
	document.getElementById("link").dataset.state === "live" && document.getElementById("phase").textContent.startsWith("active")`

// dashboardPicture shows the page of an operator with three instances, of whose fellow operators one impersonates leaders, in the
// fifth window.
func dashboardPicture(ctx context.Context, program, file string) (err error) {
	d, err := start(program, "--instances", "3", "--wallets", "3", "--scenario", "impostor", "--block-time", "200ms")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.end()) }()
	lines, err := d.await(ctx, "commands know it") // after all addresses
	if err != nil {
		return err
	}
	said := strings.Join(lines, "") // a long line is shown as two
	board, tokenFile := boardAt.FindStringSubmatch(said), tokenIn.FindStringSubmatch(said)
	if board == nil || tokenFile == nil {
		return fmt.Errorf("%s does not say where its dashboard is:\n%s", d.command, strings.Join(lines, "\n"))
	}
	token, err := os.ReadFile(tokenFile[1])
	if err != nil {
		return err
	}
	if _, err := d.await(ctx, "window 4500: active phase"); err != nil {
		return err
	}
	return shoot(ctx, file, emulation.SetDeviceMetricsOverride(1120, 1150, 1, false), chromedp.Navigate(board[1]),
		chromedp.SendKeys("#token", strings.TrimSpace(string(token))+kb.Enter, chromedp.NodeVisible),
		chromedp.Poll(settled, nil, chromedp.WithPollingTimeout(0)))
}

// shoot has a browser do what leads to a page, and writes what is seen of it to a PNG file.
func shoot(ctx context.Context, file string, way ...chromedp.Action) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx, closePage, err := browser.Open(ctx)
	if err != nil {
		return err
	}
	defer closePage()
	var picture []byte
	if err := chromedp.Run(ctx, append(way, chromedp.CaptureScreenshot(&picture))...); err != nil {
		return err
	}
	return os.WriteFile(file, picture, 0o644) //nolint:gosec // pictures are for everybody
}
