package devnet

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// frame is the time between two drawings of the bar.
const frame = 100 * time.Millisecond

// TerminalScreen draws a bar through the phases of the coming or running window, and leaves the lines of PlainScreen
// above it. Its drawing ends with End.
func TerminalScreen(w io.Writer) Screen {
	bar := progress.NewWriter()
	bar.SetOutputWriter(w)
	bar.SetUpdateFrequency(frame)
	bar.SetAutoStop(false)
	bar.SetTrackerLength(40)
	bar.SetMessageLength(28)
	bar.SetStyle(progress.StyleBlocks)
	bar.Style().Visibility.ETA = false
	bar.Style().Visibility.Time = false
	bar.Style().Visibility.Value = false
	bar.Style().Visibility.Percentage = false
	return &terminalScreen{w: w, bar: bar, drawn: make(chan struct{})}
}

type terminalScreen struct {
	w     io.Writer
	bar   progress.Writer
	drawn chan struct{} // closed when nothing draws any more

	mu      sync.Mutex
	window  coordination.Window // of the tracker
	tracker *progress.Tracker
}

func (s *terminalScreen) Note(text string) { write(s.w, text+"\n") }

func (s *terminalScreen) Start(i Intro) {
	write(s.w, intro(i))
	go func() {
		defer close(s.drawn)
		s.bar.Render()
	}()
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

func (s *terminalScreen) Height(h chain.Height) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracker == nil {
		s.window = coordination.RFC12().Next(h)
		s.tracker = &progress.Tracker{Total: int64(s.window.End-s.window.Block+approach) + 1, RemoveOnCompletion: true}
		s.bar.AppendTracker(s.tracker)
	}
	text, done := phase(s.window, h)
	s.tracker.UpdateMessage(fmt.Sprintf("window %d: %s", s.window.Block, text))
	s.tracker.SetValue(int64(done)) //nolint:gosec // at most 140
}

func (s *terminalScreen) Window(r Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tracker != nil {
		s.tracker.MarkAsDone()
		s.tracker = nil
	}
	s.bar.Log("%s", strings.TrimSuffix(windowText(r), "\n"))
}

func (s *terminalScreen) End(sum Summary) {
	s.mu.Lock()
	if s.tracker != nil {
		s.tracker.MarkAsDone()
	}
	s.mu.Unlock()
	for drawing := true; drawing; {
		s.bar.Stop() // without effect if the drawing has not quite begun
		select {
		case <-s.drawn:
			drawing = false
		case <-time.After(frame):
		}
	}
	write(s.w, summaryText(sum))
}
