package main

import (
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/check"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// The exit codes. Scripts rely on them: none changes its meaning.
const (
	codeOK          = 0   // all went well
	codeFailure     = 1   // something went wrong while running; of evidence verify: the proof is invalid; of feed verify: somebody is to blame
	codeUsage       = 2   // the command line or the configuration is wrong: a key, its password and the chain included; of evidence verify and feed verify: it cannot be judged
	codeNotReady    = 3   // the node runs and cannot do its work
	codeUnreachable = 4   // no node answers
	codeNotFound    = 5   // there is no such record, peer, instance or ban
	codeFailed      = 6   // a check failed, or a scenario did not end as it must
	codeInUse       = 75  // another process holds the store, or runs under the same instance's name
	codeInterrupted = 130 // ended at once by a second signal, or by the first at a question for a password
)

// exitError is an error that knows its exit code. Without an error inside nothing is printed.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// exit gives an error its exit code. It returns an error also for a nil err: it ends the program with the code.
func exit(code int, err error) error { return exitError{code, err} }

// judged ends a command that judges something: with 0 if it found it good, codeInvalid if bad, and codeUnusable if it cannot tell, or, with
// an error, nobody was told.
func judged[V comparable](telling error, verdict, good, bad V) error {
	switch {
	case telling == nil && verdict == good:
		return nil
	case telling == nil && verdict == bad:
		return exit(codeInvalid, nil)
	default:
		return exit(codeUnusable, telling)
	}
}

func usageErrorf(format string, args ...any) error {
	return exit(codeUsage, fmt.Errorf(format, args...))
}

// lostError is an error about a record that is not there, with the command that lists those that are.
type lostError struct {
	error
	list string
}

func (e lostError) Unwrap() error { return e.error }

// lost adds to "not found" what lists the records that are there.
func lost(err error, list string) error {
	if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, pipeline.ErrNoMailbox) {
		return err
	}
	return lostError{err, list}
}

// advice returns what a person can do about an error, "" where it says enough.
func advice(err error) string {
	var missing lostError
	if errors.As(err, &missing) {
		return "walletnode " + missing.list + " shows what there is"
	}
	return check.Advice(err)
}

// exitCode returns the exit code of a command that ended with err.
func exitCode(err error) int {
	var coded exitError
	var complaints config.Complaints
	var unusable secretfile.Unusable
	switch {
	case err == nil:
		return codeOK
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &complaints), errors.As(err, &unusable), errors.Is(err, view.ErrConfiguration), errors.Is(err, api.ErrInvalid), errors.Is(err, api.ErrUnauthorized), errors.Is(err, api.ErrForbidden), errors.Is(err, shared.ErrOwnOperator):
		return codeUsage
	case errors.Is(err, ethereum.ErrWrongChain), errors.Is(err, store.ErrWrongChain):
		return codeUsage // of the endpoint or of the data directory: another start says the same
	case errors.Is(err, api.ErrUnreachable):
		return codeUnreachable
	case errors.Is(err, api.ErrStarting), errors.Is(err, api.ErrNoOwner):
		return codeNotReady
	case errors.Is(err, store.ErrNotFound), errors.Is(err, pipeline.ErrNoMailbox), errors.Is(err, shared.ErrNotBanned), errors.Is(err, shared.ErrNotHalted):
		return codeNotFound
	case errors.Is(err, store.ErrLocked), errors.Is(err, cluster.ErrInstanceTaken), errors.Is(err, cluster.ErrCloned):
		return codeInUse
	default:
		return codeFailure
	}
}
