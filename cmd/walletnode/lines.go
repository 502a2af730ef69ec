package main

import (
	"bufio"
	"errors"
	"io"
	"iter"
)

// maxLine is the longest line read from stdin, in bytes: 4 MiB. It is four times what the longest message the network
// carries (1 MiB) needs as hex or JSON, with room for the names. A longer line is passed over and reported; the
// next one is read as usual.
const maxLine = 4 << 20

var errLineTooLong = errors.New("line is longer than 4 MiB")

// line is one line of input, without its end.
type line struct {
	number int // from 1
	text   []byte
	err    error // errLineTooLong
	last   bool  // nothing more has arrived yet: a good moment to flush
}

// lines reads text line by line. text is valid until the next line. A final line needs no newline. An error of the
// reader itself ends the lines and is stored in *failed.
func lines(r io.Reader, failed *error) iter.Seq[line] {
	return func(yield func(line) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		var buffer []byte
		for number := 1; ; number++ {
			text, tooLong, err := readLine(in, buffer[:0])
			if err != nil && !errors.Is(err, io.EOF) {
				*failed = err
				return
			}
			atEnd := err != nil
			if atEnd && len(text) == 0 && !tooLong {
				return
			}
			next := line{number: number, text: text, last: atEnd || in.Buffered() == 0}
			if tooLong {
				next.text, next.err = nil, errLineTooLong
			}
			buffer = text
			if !yield(next) || atEnd {
				return
			}
		}
	}
}

// readLine appends one line to buffer, at most maxLine bytes of it, and reads on to the line's end.
func readLine(in *bufio.Reader, buffer []byte) (text []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		ended := err == nil
		if ended {
			part = part[:len(part)-1]
		}
		if tooLong = tooLong || len(buffer)+len(part) > maxLine; !tooLong {
			buffer = append(buffer, part...)
		}
		if ended || !errors.Is(err, bufio.ErrBufferFull) {
			return buffer, tooLong, err
		}
	}
}
