// Package scheme runs one seat's part in a threshold scheme, and keeps the faults of the library that does the mathematics inside.
package scheme
