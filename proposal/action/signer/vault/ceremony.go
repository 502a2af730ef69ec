package vault

// ceremony is an open session's secrets.
type ceremony struct{}
