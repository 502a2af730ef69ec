package devnet

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
)

// JSONScreen writes one JSON object per line to data: a Row for each node, wallet and window, and the Summary. What is
// for people goes to notes.
func JSONScreen(data, notes io.Writer) Screen {
	out := json.NewEncoder(data)
	out.SetEscapeHTML(false)
	return jsonScreen{out, notes}
}

type jsonScreen struct {
	data  *json.Encoder
	notes io.Writer
}

func (s jsonScreen) Note(text string)    { write(s.notes, text+"\n") }
func (s jsonScreen) Start(i Intro)       { write(s.notes, intro(i)) }
func (s jsonScreen) Height(chain.Height) {}

func (s jsonScreen) Window(r Report) {
	for _, row := range r.Rows {
		_ = s.data.Encode(row) // a reader that has gone ends the process by its signal, or does not care
	}
	if r.Round != nil {
		_ = s.data.Encode(roundRow{"round", r.Window.Block, r.Strikes, *r.Round, r.Differences})
	}
}

// roundRow is what a chaos run writes of a window.
type roundRow struct {
	Event       string       `json:"event"` // "round"
	Window      chain.Height `json:"window"`
	Plan        []Strike     `json:"plan"`
	Round                    // its fields
	Differences []string     `json:"differences"`
}

func (s jsonScreen) End(sum Summary) { _ = s.data.Encode(sum) }

// PlainScreen writes lines for people, and for logs: no more than a few per window.
func PlainScreen(w io.Writer) Screen { return plainScreen{w} }

type plainScreen struct{ w io.Writer }

func (s plainScreen) Note(text string)    { write(s.w, text+"\n") }
func (s plainScreen) Start(i Intro)       { write(s.w, intro(i)) }
func (s plainScreen) Height(chain.Height) {}
func (s plainScreen) Window(r Report)     { write(s.w, windowText(r)) }
func (s plainScreen) End(sum Summary)     { write(s.w, summaryText(sum)) }

func write(w io.Writer, text string) {
	_, _ = io.WriteString(w, text) // nowhere left to report it
}

// intro says what runs and how to look into it.
func intro(i Intro) string {
	var b strings.Builder
	fmt.Fprintf(&b, "devnet: %d operators, %d wallets, scenario %s\n", len(i.Operators), len(i.Wallets), i.Scenario.Name)
	fmt.Fprintf(&b, "  %s\n", plain(i.Scenario.Happens))
	fmt.Fprintf(&b, "data in %s; in another terminal, or afterwards if it is kept:\n", i.Dir)
	first, commands := i.Operators[0].Dir, []string{"windows list", "windows show 900", "faults list"}
	if len(i.Instances) > 0 { // the first operator's records are in the database that they share
		first, commands = i.Instances[0].Dir, append(commands, "instances list", "wallets list")
	}
	for _, command := range commands {
		fmt.Fprintf(&b, "  walletnode --data-dir %s %s\n", first, command)
	}
	fmt.Fprintf(&b, "  tail -f %s/node.log\n", first)
	if i.Board != "" {
		fmt.Fprintf(&b, "dashboard of the first operator, or of the next one while that one's node is down: %s\n", i.Board)
	}
	b.WriteString(instancesText(i))
	for _, g := range i.Guests {
		fmt.Fprintf(&b, "operator %v holds %d of the %d seats of wallet %v; where its node is to run:\n",
			g.Operator, len(g.Wallet.SeatsOf(g.Operator)), g.Wallet.Seats(), g.Wallet.ID())
		fmt.Fprintf(&b, "  set -a; . %s; set +a\n", filepath.Join(i.Dir, guestSettings))
		for _, command := range []string{"check all", "wallets import " + filepath.Join(i.Dir, guestManifest), "start"} {
			fmt.Fprintf(&b, "  walletnode %s\n", command)
		}
	}
	return b.String()
}

// instancesText says where the instances are, and how they are asked.
func instancesText(i Intro) string {
	var b strings.Builder
	for _, it := range i.Instances {
		fmt.Fprintf(&b, "operator %v has an instance in %s, its dashboard is %s, its API %s\n", it.Operator, it.Dir, it.Board, it.API)
	}
	if len(i.Instances) > 0 {
		fmt.Fprintf(&b, "dashboards and APIs ask for the token in %s\n", i.Token)
		fmt.Fprintf(&b, "commands know it, and the other instances, where one is down: walletnode --config %s instances list\n",
			filepath.Join(i.Instances[0].Dir, configName))
	}
	return b.String()
}

// plain takes the marks of Markdown out of a text.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

func windowText(r Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "window %d, %v:\n", r.Window.Block, r.Took.Round(100*time.Millisecond))
	for _, line := range walletLines(r.Rows) {
		b.WriteString("  " + line + "\n")
	}
	for _, s := range r.Strikes {
		fmt.Fprintf(&b, "  struck: %v\n", s)
	}
	if r.Round != nil {
		b.WriteString("  " + roundText(*r.Round))
	}
	for _, d := range r.Differences {
		b.WriteString("  not expected: " + d + "\n")
	}
	return b.String()
}

// walletLines returns one line for each distinct view of each wallet, with how many nodes share it.
func walletLines(rows []Row) []string {
	var views []view
	for _, r := range rows {
		v := viewOf(r)
		i := 0
		for i < len(views) && (views[i].wallet != v.wallet || views[i].text != v.text) {
			i++
		}
		if i == len(views) {
			views = append(views, v)
		}
		views[i].count(r)
	}
	lines := make([]string, len(views))
	for i, v := range views {
		lines[i] = v.line()
	}
	return lines
}

// view is what nodes agree on about one wallet.
type view struct {
	wallet      chain.WalletID
	text        string
	nodes       int
	first, last chain.Height // blocks at which the message was received; 0 for none
}

func viewOf(r Row) view {
	if r.Role == nil {
		return view{wallet: r.Wallet, text: "missed the window, " + valueOr(r.Reason, "no record")}
	}
	text := fmt.Sprintf("leader %s, %s, %s", short(r.Leader), valueOr(r.Action, "no action"), valueOr(r.Reason, "no result"))
	for _, f := range r.Faults {
		text += fmt.Sprintf(", fault %s of %s", f.Kind, short(&f.Culprit))
		if !f.Attributed {
			text += " (unattributed)"
		}
	}
	if r.Outcome != nil {
		text += ", " + signedText(r)
	}
	return view{wallet: r.Wallet, text: text}
}

// signedText says how an action ended, and with what.
func signedText(r Row) string {
	switch {
	case r.Transaction != nil:
		return "signed transaction " + (*r.Transaction)[:10]
	case *r.Outcome == string(action.OK):
		return "signed"
	default:
		return "action " + *r.Outcome
	}
}

func (v *view) count(r Row) {
	v.nodes++
	if at := r.ReceivedBlock; at != nil {
		if v.first == 0 || *at < v.first {
			v.first = *at
		}
		v.last = max(v.last, *at)
	}
}

func (v view) line() string {
	line := fmt.Sprintf("wallet %s: %s", v.wallet.String()[:10], v.text)
	switch v.first {
	case 0:
	case v.last:
		line += fmt.Sprintf(", received at block %d", v.first)
	default:
		line += fmt.Sprintf(", received at blocks %d to %d", v.first, v.last)
	}
	if v.nodes == 1 {
		return line + " (1 node)"
	}
	return line + fmt.Sprintf(" (%d nodes)", v.nodes)
}

func short(op *chain.Operator) string {
	if op == nil {
		return "unknown"
	}
	return op.String()[:10]
}

func valueOr(v *string, none string) string {
	if v == nil {
		return none
	}
	return *v
}

func summaryText(s Summary) string {
	verdict := "as expected"
	if !s.Expected {
		verdict = fmt.Sprintf("NOT as expected, %d differences", len(s.Differences))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d windows, %d results, %s\n", s.Scenario, s.Windows, s.Results, verdict)
	if s.Chaos != nil {
		b.WriteString(chaosText(*s.Chaos))
	}
	for _, d := range s.Differences {
		fmt.Fprintf(&b, "  %s\n", d)
	}
	return b.String()
}
