package devnet

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// TerminalScreen draws a bar through the phases of the coming or running window, and leaves the lines of PlainScreen
// above it. Its drawing ends with End, which must follow Start.
func TerminalScreen(w io.Writer) Screen {
	return &terminalScreen{w: w, news: make(chan struct{}, 1), over: make(chan struct{}), drawn: make(chan struct{})}
}

// terminalScreen draws in a goroutine of its own: a terminal that is held (Ctrl-S) stops the drawing and nothing else.
type terminalScreen struct {
	w     io.Writer
	news  chan struct{} // a token: something is to be drawn
	over  chan struct{} // closed by End
	drawn chan struct{} // closed when nothing draws any more

	mu     sync.Mutex
	window coordination.Window // of the bar; none from its judgement to the next block
	bar    string              // empty for none
	above  []string            // what is still to be written above it; at most maxAbove, the oldest are dropped
}

// maxAbove is how many windows wait for a terminal that is held.
const maxAbove = 100

func (s *terminalScreen) Note(text string) { write(s.w, text+"\n") }

func (s *terminalScreen) Start(i Intro) {
	write(s.w, intro(i))
	go func() {
		defer close(s.drawn)
		s.draw()
	}()
}

// eraseLine goes to the beginning of the line and empties it.
const eraseLine = "\r\x1b[K"

// draw owns the terminal from Start to End.
func (s *terminalScreen) draw() {
	shown := ""
	for ended := false; !ended; {
		select {
		case <-s.news:
		case <-s.over:
			ended = true
		}
		s.mu.Lock()
		above, bar := s.above, s.bar
		s.above = nil
		s.mu.Unlock()
		if ended {
			bar = ""
		}
		if len(above) > 0 || bar != shown {
			write(s.w, eraseLine+strings.Join(above, "")+bar)
			shown = bar
		}
	}
}

// tell has the goroutine draw. A token that finds one waiting is the same token.
func (s *terminalScreen) tell() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// approach is how many blocks before a window the bar begins: the idle stretch before is mined in a burst.
const approach chain.Height = 40

// phase names where a height stands and how far the bar is.
func phase(w coordination.Window, h chain.Height) (text string, done chain.Height) {
	begin := w.Block - approach
	switch {
	case h < begin:
		return "before the window", 0
	case h < w.SeedBlock:
		return "before the seed block", h - begin
	case h < w.Block:
		return "seed block is there", h - begin
	case h < w.ActiveEnd:
		return "active phase", h - begin
	case h < w.End:
		return "passive phase", h - begin
	default:
		return "action", w.End - begin
	}
}

// barLength is how many characters long the bar is: with its text it fits into the 80 columns of a narrow terminal.
const barLength = 35

// barText is the bar of a window at a height.
func barText(w coordination.Window, h chain.Height) string {
	text, done := phase(w, h)
	full := int(barLength * done / (w.End - w.Block + approach)) //nolint:gosec // at most barLength
	return strings.Repeat("█", full) + strings.Repeat("░", barLength-full) + fmt.Sprintf(" window %d: %s", w.Block, text)
}

func (s *terminalScreen) Height(h chain.Height) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.window.Block == 0 {
		s.window = coordination.RFC12().Next(h)
	}
	s.bar = barText(s.window, h)
	s.tell()
}

func (s *terminalScreen) Window(r Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window, s.bar = coordination.Window{}, ""
	s.above = append(s.above, windowText(r))
	s.above = s.above[max(0, len(s.above)-maxAbove):]
	s.tell()
}

func (s *terminalScreen) End(sum Summary) {
	close(s.over)
	<-s.drawn
	write(s.w, summaryText(sum))
}
