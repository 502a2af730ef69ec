// Package daemon puts a signer backend behind HTTP with certificates, and reaches one.
//
//	node ── Client, a signer.Backend ──HTTP/JSON, TLS 1.3, certificates of both pinned── Server ── signer.Backend (package vault)
//
// A certificate is nothing but a carrier of a key: both sides know the other's key by its fingerprint, and no authority
// vouches for either (docs/decisions/020). The server knows each client's roles and wallets and denies what is not listed.
// There is no route for export and import: shares leave a backend on its own machine only.
//
//	server.go, route.go, request.go, handlers.go  the server: its routes, what is read of a request, and what is answered
//	door.go, access.go, settings.go               who is let in, what each client may do, and the file that says so
//	certificate.go, fingerprint.go                the keys of both sides
//	client.go, ask.go, fit.go                     the client: how it asks, again and elsewhere, and whether an answer fits
//	problem.go                                    errors as they go over the wire
//	compare.go                                    what signers tell each other of their mailboxes
package daemon
