package chain

import "errors"

// ErrThrottled says that a call was not made, because the rate that is configured for the endpoint leaves no room for it
// before its deadline. It tells nothing of the endpoint.
var ErrThrottled = errors.New("wait for request rate")

// Trouble is why an endpoint gave no usable answer, as far as the transport tells: a closed list, so that it can be
// counted, shown and tested.
type Trouble string

// The troubles.
const (
	TroubleTimeout     Trouble = "timeout"      // no answer within the deadline
	TroubleRefused     Trouble = "refused"      // the connection was refused or broken
	TroubleTLS         Trouble = "tls"          // the TLS handshake or the certificate failed
	TroubleDNS         Trouble = "dns"          // the host's name has no address
	TroubleRateLimited Trouble = "rate_limited" // HTTP 429, or a vendor's words for it
	TroubleAuth        Trouble = "auth_failed"  // HTTP 401 or 403
	TroubleUnsupported Trouble = "unsupported"  // the method is unknown or refused; the rest of the endpoint may be well
	TroubleMalformed   Trouble = "malformed"    // an answer that is no answer to the question
	TroubleServer      Trouble = "server"       // any other error in the endpoint's own words
)

// EndpointError is an error of one endpoint with its trouble. Its text shows neither the endpoint's URL, which may
// carry an access key, nor more than a few hundred bytes of the endpoint's own words.
type EndpointError struct {
	Trouble Trouble
	Err     error
}

// Error implements error.
func (e *EndpointError) Error() string { return e.Err.Error() }

// Unwrap returns the transport's error.
func (e *EndpointError) Unwrap() error { return e.Err }
