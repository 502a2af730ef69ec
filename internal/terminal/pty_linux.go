package terminal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Open makes a pseudo-terminal: what is written to program a person reads from person, and the other way round. Both are to
// be closed. Where the system gives none the error is of opening /dev/ptmx.
func Open(columns, rows uint16) (person, program *os.File, err error) {
	person, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	if program, err = other(person, columns, rows); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("prepare a pseudo-terminal: %w", err), person.Close())
	}
	return person, program, nil
}

// other unlocks and opens the program's end.
func other(person *os.File, columns, rows uint16) (*os.File, error) {
	fd := int(person.Fd()) //nolint:gosec // a descriptor
	number, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		return nil, err
	}
	return os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
}
