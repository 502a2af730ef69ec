// Package client reaches the instances of one operator: any of them for what all know, and the one that is responsible
// for a wallet for what only that one knows.
//
// A Client starts from a list of URLs (Config.Bootstrap). An instance that is not responsible for a wallet answers 307 with
// a Redirect; the client goes where it says only if the host stands in a Directory that the operator has signed, remembers
// the wallet's owner with its epoch, and never believes a smaller epoch again. While a wallet changes hands it waits and
// asks again, for as long as the context allows: a failover needs no human.
//
// Requests go to bootstrap URLs and to hosts of a verified directory only, and so does the token. Location headers are
// not looked at.
//
//	client.go, config.go, errors.go       what is asked at any instance
//	wallet.go, located.go, watch.go       what the one answers that serves a wallet, or that is named; events as they come
//	directory.go, signature.go, trust.go  the signed list of instances, and which hosts are gone to because of it
//	origin.go, transport.go               one request to one host
package client
