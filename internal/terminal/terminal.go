// Package terminal is for pictures and tests of what a person sees: a pseudo-terminal for a program to write to, and the
// lines that a terminal shows of what was written.
//
// It knows the few control sequences that this program's output is made of, ignores colours, and skips others.
package terminal

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Screen is what a terminal of some size shows. It is not safe for concurrent use.
type Screen struct {
	columns, rows int
	lines         [][]rune // those that are shown, the last one at the bottom; at most rows
	row, column   int      // of the cursor
	held          []byte   // the beginning of a sequence whose end is still to come
}

// NewScreen returns an empty screen; both sizes are at least 1.
func NewScreen(columns, rows int) *Screen {
	return &Screen{columns: max(1, columns), rows: max(1, rows), lines: make([][]rune, 1)}
}

// maxSequence is how long a control sequence may be; what goes on longer is none.
const maxSequence = 32

// Write shows what a program wrote. It never fails.
func (s *Screen) Write(p []byte) (int, error) {
	text := append(s.held, p...)
	for len(text) > 0 {
		n := s.take(text)
		if n == 0 {
			break // the rest is to come
		}
		text = text[n:]
	}
	s.held = slices.Clone(text)
	return len(p), nil
}

// Lines returns the lines from the top down to the last one that is not empty.
func (s *Screen) Lines() []string {
	var lines []string
	for _, l := range s.lines {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// take shows the first character or obeys the first sequence, and returns how long it was: 0 if its end is missing.
func (s *Screen) take(text []byte) int {
	switch text[0] {
	case '\r':
		s.column = 0
		return 1
	case '\n':
		s.down()
		return 1
	case '\x1b':
		return s.obey(text)
	}
	r, n := utf8.DecodeRune(text)
	if r == utf8.RuneError && !utf8.FullRune(text) {
		return 0
	}
	if r >= ' ' {
		s.put(r)
	}
	return n
}

// obey follows a control sequence: ESC [ numbers letter.
func (s *Screen) obey(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	if text[1] != '[' {
		return 2
	}
	for i := 2; i < len(text); i++ {
		if c := text[i]; c >= '@' && c <= '~' {
			s.control(c, number(text[2:i]))
			return i + 1
		}
		if i == maxSequence {
			return i
		}
	}
	return 0
}

// number reads the first number of a sequence, 0 if it has none.
func number(text []byte) (n int) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n = min(10*n+int(c-'0'), 1<<20)
	}
	return n
}

func (s *Screen) control(letter byte, n int) {
	switch letter {
	case 'A': // up
		s.row = max(0, s.row-max(1, n))
	case 'K': // erase: what is right of the cursor, or the whole line
		line := s.lines[s.row]
		if n == 2 {
			s.lines[s.row] = nil
		} else if n == 0 && s.column < len(line) {
			s.lines[s.row] = line[:s.column]
		}
	}
}

func (s *Screen) put(r rune) {
	if s.column == s.columns {
		s.column = 0
		s.down()
	}
	line := s.lines[s.row]
	for len(line) <= s.column {
		line = append(line, ' ')
	}
	line[s.column] = r
	s.lines[s.row] = line
	s.column++
}

// down goes to the next line; at the bottom the first one gives way.
func (s *Screen) down() {
	s.row++
	if s.row < len(s.lines) {
		return
	}
	if len(s.lines) == s.rows {
		s.lines = slices.Delete(s.lines, 0, 1)
		s.row--
	}
	s.lines = append(s.lines, nil)
}
