package main

import (
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/urfave/cli/v2"
)

// bar shows how far a long work is. It is drawn on stderr, and only for a person: not into a file, and not with
// --no-progress.
type bar struct {
	writer  progress.Writer // nil where nobody watches
	tracker progress.Tracker
	drawn   chan struct{} // closed when nothing draws any more
}

// newBar begins to draw; end must follow.
func newBar(c *cli.Context, message string, units *progress.Units) *bar {
	b := &bar{drawn: make(chan struct{})}
	if !animated(c, c.App.ErrWriter) {
		return b
	}
	b.draw(c.App.ErrWriter, message, units)
	return b
}

func (b *bar) draw(w io.Writer, message string, units *progress.Units) {
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetAutoStop(true) // at the end of its only tracker; to be told to stop, it must have begun
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.SetTrackerLength(40)
	b.tracker = progress.Tracker{Message: message, Units: *units}
	b.writer.AppendTracker(&b.tracker)
	go func() {
		defer close(b.drawn)
		b.writer.Render()
	}()
}

// at shows that done of about total is done; a total of 0 is not known.
func (b *bar) at(done, total int64) {
	if b.writer == nil {
		return
	}
	b.tracker.UpdateTotal(total)
	b.tracker.SetValue(done)
}

// end leaves the bar as it stands, full if all went well, and returns when nothing draws any more.
func (b *bar) end(err error) {
	if b.writer == nil {
		return
	}
	if err != nil {
		b.tracker.MarkAsErrored()
	} else {
		b.tracker.MarkAsDone()
	}
	<-b.drawn
}
