package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// errLong says that a line has more bytes than any that is sent.
var errLong = fmt.Errorf("a line of more than %d bytes", MaxLine)

// lines reads a stream line by line, each of bounded length.
type lines struct {
	in  *bufio.Reader
	buf []byte
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

// next returns a line without its end, valid until the next one. What comes after the last end of a line is none.
func (l *lines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if len(l.buf)+len(part) > MaxLine {
			return nil, errLong
		}
		l.buf = append(l.buf, part...)
		if err == nil {
			return l.buf[:len(l.buf)-1], nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// idle is whether nothing more has come yet.
func (l *lines) idle() bool { return l.in.Buffered() == 0 }
