package client

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnreachable says that none of the known instances answers.
	ErrUnreachable = errors.New("no instance answers")
	// ErrUnanswered says that an instance was sent a request that changes something, and that no answer came: it may have been
	// carried out. It was not sent to another.
	ErrUnanswered = errors.New("the instance has not answered: the request may have been carried out")
	// ErrForeignHost says that an instance named a host that is in no directory the operator has signed. Nothing was sent there.
	ErrForeignHost = errors.New("redirected to a host that the operator's signed list of instances does not have")
	// ErrNotListed says that the directory has no such instance.
	ErrNotListed = errors.New("the operator's signed list of instances does not have this one")
	// ErrTooManyHops says that instances went on naming each other.
	ErrTooManyHops = errors.New("redirected in circles")
	// ErrNoOwner says that nobody served the wallet for as long as one was willing to wait.
	ErrNoOwner = errors.New("no instance serves the wallet at this moment")
	// ErrDirectory says that a list of instances is none, is not signed as it must be, or has expired.
	ErrDirectory = errors.New("list of instances is not valid")
	// ErrOtherOperator says that a list of instances is another operator's than the one expected or trusted so far.
	ErrOtherOperator = errors.New("list of instances of another operator")
)

// AnswerError is an answer that is not what was asked for: no stream of events, or no list of instances.
type AnswerError struct {
	Status int
	Body   []byte // its first 64 KiB
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("the instance answered with status %d", e.Status)
}
