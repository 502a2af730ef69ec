// Package daemon puts a signer backend behind HTTP with certificates, and reaches one.
//
//	node ── Client, a signer.Backend ──HTTP/JSON, TLS 1.3, certificates of both pinned── Server ── signer.Backend (package vault)
//
// A certificate is nothing but a carrier of a key: both sides know the other's key by its fingerprint, and no authority
// vouches for either (docs/decisions/020). The server knows each client's roles and wallets and denies what is not listed.
// There is no route for export and import: shares leave a backend on its own machine only.
package daemon
