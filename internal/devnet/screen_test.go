package devnet

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/terminal"
)

// shared is a buffer that a drawing goroutine and a test can use at once.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func exampleReport(t *testing.T, name string) Report {
	w := newWorld(t, 1, 1)
	f := w.perfect(t, name)
	report := Report{Window: f.Window, Took: 13 * time.Second, Differences: []string{"an example"}}
	var wallets []chain.Wallet
	for _, e := range w.stage.elections {
		wallets = append(wallets, e.wallet)
	}
	for _, n := range f.Nodes {
		report.Rows = append(report.Rows, rowsOf(f.Window, wallets, n)...)
	}
	return report
}

func TestRowsSayOnlyWhatIsKnown(t *testing.T) {
	rows := exampleReport(t, "idle-leader").Rows
	require.Len(t, rows, 5*2)
	ran, down := 0, 0
	for _, row := range rows {
		require.NotNil(t, row.Reason)
		if row.Role == nil {
			down++
			require.Equal(t, "node_down", *row.Reason)
			require.Nil(t, row.Leader)
			require.Empty(t, row.Faults)
			require.NotNil(t, row.Faults, "an empty list, not null")
			continue
		}
		ran++
		require.Equal(t, "leader_idle", *row.Reason)
		require.Nil(t, row.Action)
		require.Nil(t, row.ReceivedBlock)
		require.Equal(t, []Accusation{{"leader_idle", *row.Leader, true}}, row.Faults)
	}
	require.Positive(t, ran)
	require.Positive(t, down)
}

func TestPeopleSeeOneLinePerViewOfAWallet(t *testing.T) {
	text := windowText(exampleReport(t, "impostor"))
	require.Contains(t, text, "window 900, 13s:")
	require.Contains(t, text, "Redemption, ok, fault leader_impersonation of 0x")
	require.Contains(t, text, "received at block 901 (4 nodes)")
	require.Contains(t, text, "missed the window, node_down (1 node)")
	require.Contains(t, text, "not expected: an example")
	require.Len(t, strings.Split(strings.TrimSpace(text), "\n"), 1+2*2+1)
}

func TestTheBarPassesThroughThePhases(t *testing.T) {
	w, _ := coordination.RFC12().Window(900)
	for height, want := range map[chain.Height]string{
		0: "before the window", 859: "before the window", 860: "before the seed block", 868: "seed block is there",
		899: "seed block is there", 900: "active phase", 979: "active phase", 980: "passive phase", 999: "passive phase",
		1000: "action", 1100: "action",
	} {
		text, _ := phase(w, height)
		require.Equal(t, want, text, "height %d", height)
	}
	_, done := phase(w, 900)
	require.EqualValues(t, 40, done)
	_, done = phase(w, 1100)
	require.EqualValues(t, 140, done)
}

// onTerminal is what a person sees of what was written to a terminal of 80 columns.
func onTerminal(text string) string {
	screen := terminal.NewScreen(80, 1000)
	_, _ = io.WriteString(screen, strings.ReplaceAll(text, "\n", "\r\n")) // as a terminal does with what a program writes
	return strings.Join(screen.Lines(), "\n") + "\n"
}

func TestTheTerminalScreenHasOneBarBelowItsLines(t *testing.T) {
	var out shared
	s := TerminalScreen(&out)
	start := Intro{Scenario: Scenario{Name: "calm"}, Dir: "D", Operators: []Member{{Operator: chain.Operator{1}, Dir: "D/operator-1"}}}
	s.Start(start)
	report := exampleReport(t, "calm")
	shows := func(h chain.Height, want string) {
		t.Helper()
		s.Height(h)
		require.Eventually(t, func() bool { return onTerminal(out.String()) == onTerminal(want) }, time.Minute, time.Millisecond)
	}
	for h := chain.Height(850); h < 1000; h++ {
		s.Height(h) // some are drawn, some are overtaken
	}
	full := strings.Repeat("█", barLength)
	shows(1000, intro(start)+full+" window 900: action\n")
	s.Window(report)
	shows(1002, intro(start)+windowText(report)+strings.Repeat("░", barLength)+" window 1800: before the window\n")
	s.End(Summary{Scenario: "calm", Windows: 1, Results: 10, Expected: true, Differences: []string{}})
	require.Equal(t, onTerminal(intro(start)+windowText(report)+"calm: 1 windows, 10 results, as expected\n"), onTerminal(out.String()))
}

func TestTheBarFitsIntoANarrowTerminal(t *testing.T) {
	w, _ := coordination.RFC12().Window(900_000)
	for h := w.Block - 100; h < w.End+100; h++ {
		require.Less(t, utf8.RuneCountInString(barText(w, h)), 80, "at block %d", h)
	}
	require.Equal(t, strings.Repeat("█", 17)+strings.Repeat("░", 18)+" window 900000: active phase", barText(w, w.Block+30))
}

func TestATerminalThatIsHeldStopsNothingElse(t *testing.T) {
	person, program := io.Pipe()
	s := TerminalScreen(program)
	go s.Start(Intro{Scenario: Scenario{Name: "calm"}, Operators: []Member{{}}})
	_, err := person.Read(make([]byte, 1)) // and no more for now
	require.NoError(t, err)
	for range 2 * maxAbove {
		s.Height(850)
		s.Window(Report{})
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.End(Summary{Scenario: "calm"})
		_ = program.Close()
	}()
	rest, err := io.ReadAll(person)
	require.NoError(t, err)
	<-ended
	require.Equal(t, maxAbove, strings.Count(string(rest), windowText(Report{})))
	require.True(t, strings.HasSuffix(string(rest), summaryText(Summary{Scenario: "calm"})))
}

func TestASummaryDoesNotGrowWithoutEnd(t *testing.T) {
	var s Summary
	for range 3 {
		s.add(Report{Rows: make([]Row, 2), Differences: make([]string, 600)})
	}
	require.Equal(t, 3, s.Windows)
	require.Equal(t, 6, s.Results)
	require.Len(t, s.Differences, maxDifferences)
}

func TestTheDevnetSaysWhereInstancesAre(t *testing.T) {
	op := chain.Operator{1}
	text := intro(Intro{
		Dir: "D", Operators: []Member{{Operator: op, Dir: "D/operator-1"}},
		Token:     "D/operator-1/token",
		Instances: []Member{{op, "D/operator-1/a", "http://127.0.0.1:1/", "http://127.0.0.1:3"}, {op, "D/operator-1/b", "http://127.0.0.1:2/", "http://127.0.0.1:4"}},
	})
	require.Contains(t, text, "  walletnode --data-dir D/operator-1/a instances list\n")
	require.Contains(t, text, "has an instance in D/operator-1/b, its dashboard is http://127.0.0.1:2/, its API http://127.0.0.1:4\n")
	require.Contains(t, text, "dashboards and APIs ask for the token in D/operator-1/token\n")
	require.Contains(t, text, "walletnode --config D/operator-1/a/config.toml instances list\n")
	require.NotContains(t, text, "dashboard of the first operator")
	require.NotContains(t, text, "--data-dir D/operator-1 ")
}
