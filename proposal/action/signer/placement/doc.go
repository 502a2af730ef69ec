// Package placement says which backend holds which wallet's shares, and finds out whether it really does.
package placement
