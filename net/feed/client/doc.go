// Package client follows a mailbox of an operator's feed over HTTP: it verifies as it reads, keeps its place on disk, and goes on at
// whichever instance has the mailbox.
//
//	instance ─ lines over HTTP ─► Follower ─ feed.Reader verifies ─► Deliver ─► acknowledged
//	                                 └─ a directory: place, keys, epochs that are not verified with others yet
package client
