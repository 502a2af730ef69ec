package feed

import "strings"

// echoPrefix begins the name of a source that repeats, for one mailbox alone, what came before the mailbox did.
const echoPrefix = "to."

// EchoSource is the source that repeats for a mailbox.
func EchoSource(mailbox string) string { return echoPrefix + mailbox }

// IsEcho is whether a source repeats for a mailbox. Nobody else's may be named so.
func IsEcho(source string) bool { return strings.HasPrefix(source, echoPrefix) }
