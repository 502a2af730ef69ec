package ethereum

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/walletnode/walletnode/internal/socks"
)

// Config describes one endpoint of the host chain.
type Config struct {
	// URL is the endpoint's address: ws, wss, http or https, or the path of an IPC socket. It may carry an access
	// key, so it never appears in a log or an error.
	URL string
	// PollInterval is how often an HTTP endpoint is asked for its newest block; the chain's block time or a little
	// less. A subscription silent for five times as long is made anew.
	PollInterval time.Duration
	// CallTimeout bounds one request, connecting included.
	CallTimeout time.Duration
	// RequestsPerSecond bounds the rate of requests to the endpoint, with bursts of one second's worth; 0 means no
	// bound. Heads that a subscription delivers are not requests. Polls and batches of headers are counted and not held
	// back: calls wait for what they took.
	RequestsPerSecond float64
	// Proxy is a SOCKS5 proxy, socks5://[user:password@]host:port, that HTTP and WebSocket connections go through, those to
	// this machine excepted; the proxies of the environment are not used then. Empty is none. It may hold a password.
	Proxy string
	// Headers are sent with every HTTP request and WebSocket handshake; they carry secrets, as the URL may.
	Headers Headers
	// ChainID is the EIP-155 number that the endpoint must answer with; 0 accepts any.
	ChainID uint64
	// Bridge and Validator are the addresses of the contracts. Both may be zero for an endpoint that only reads
	// headers; its contract reads then fail.
	Bridge, Validator common.Address
}

// Validate joins every complaint about the configuration.
func (c Config) Validate() error {
	var complaints []error
	if _, err := schemeOf(c.URL); err != nil {
		complaints = append(complaints, err)
	}
	if c.Proxy != "" {
		if err := socks.Check(c.Proxy); err != nil {
			complaints = append(complaints, fmt.Errorf("proxy: %w", err))
		}
	}
	if c.PollInterval <= 0 {
		complaints = append(complaints, fmt.Errorf("poll interval %v is not positive", c.PollInterval))
	}
	if c.CallTimeout <= 0 {
		complaints = append(complaints, fmt.Errorf("call timeout %v is not positive", c.CallTimeout))
	}
	if c.RequestsPerSecond < 0 {
		complaints = append(complaints, fmt.Errorf("requests per second %v is negative", c.RequestsPerSecond))
	}
	if (c.Bridge == common.Address{}) != (c.Validator == common.Address{}) {
		complaints = append(complaints, errors.New("bridge and validator addresses belong together: give both or none"))
	}
	return errors.Join(complaints...)
}

// scheme is the transport of an endpoint.
type scheme string

const (
	schemeWebSocket scheme = "ws"
	schemeHTTP      scheme = "http"
	schemeIPC       scheme = "ipc"
)

// subscribes reports whether heads can be pushed to us.
func (s scheme) subscribes() bool { return s != schemeHTTP }

// schemeOf reads the transport off an address. Its errors do not repeat the address.
func schemeOf(address string) (scheme, error) {
	if address == "" {
		return "", errors.New("endpoint URL is empty")
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return "", errors.New("endpoint URL cannot be parsed")
	}
	var transport scheme
	switch parsed.Scheme {
	case "ws", "wss":
		transport = schemeWebSocket
	case "http", "https":
		transport = schemeHTTP
	case "":
		return schemeIPC, nil
	default:
		return "", fmt.Errorf("endpoint URL has scheme %q: want ws, wss, http, https or the path of a socket", parsed.Scheme)
	}
	if parsed.Host == "" {
		return "", errors.New("endpoint URL has no host")
	}
	return transport, nil
}

// endpointName is what logs call the endpoint: its host, without the path and user parts that carry access keys.
func endpointName(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return "ipc"
	}
	return parsed.Scheme + "://" + parsed.Host
}
