// Package daemon puts a signer backend behind HTTP with certificates, and reaches one.
package daemon
