// Package keygen is the nodes' side of a key generation: invitation, acceptance, rounds, and what all operators sign at its end.
package keygen
