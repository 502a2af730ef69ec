// Package signing is the nodes' side of a threshold signature: attempts, and the handlers that carry actions out with them.
package signing
