// Package vault is a signer backend: key shares at rest, sessions, and the rules that keep it from signing twice.
package vault
