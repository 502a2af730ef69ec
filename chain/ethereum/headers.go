package ethereum

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	stdhttp "net/http"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/internal/secretfile"
)

const (
	// maxHeadersFile is the largest file of headers that is read, in bytes. A token has a few hundred, a signed one two
	// thousand.
	maxHeadersFile = 16 << 10
	// maxHeaders is how many headers a file may have.
	maxHeaders = 32
)

// Headers are HTTP headers sent with every request to an endpoint, and with the handshake of a WebSocket: what vendors
// want instead of a key in the URL. They carry secrets, so that printing them shows their names alone.
type Headers stdhttp.Header

// String names the headers without their values.
func (h Headers) String() string {
	return "[" + strings.Join(slices.Sorted(maps.Keys(h)), " ") + "]"
}

// GoString implements fmt.GoStringer with the form of String.
func (h Headers) GoString() string { return "ethereum.Headers" + h.String() }

// LogValue implements slog.LogValuer with the form of String.
func (h Headers) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (h Headers) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h Headers) clone() Headers { return Headers(stdhttp.Header(h).Clone()) }

// ReadHeadersFile reads headers from a file that its owner alone may open: lines of "Name: value"; lines that are empty
// or start with # are passed over. Errors name the file and the line and show no value.
func ReadHeadersFile(path string) (Headers, error) {
	text, err := secretfile.Read("headers", path, maxHeadersFile)
	if err != nil {
		return nil, err
	}
	headers, err := parseHeaders(text)
	if err != nil {
		return nil, secretfile.Unusable{Err: fmt.Errorf("read headers: %s: %w", path, err)}
	}
	return headers, nil
}

// parseHeaders reads the lines of a file of headers.
func parseHeaders(text []byte) (Headers, error) {
	headers, lines := Headers{}, 0
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if lines++; lines > maxHeaders {
			return nil, fmt.Errorf("line %d: more than %d headers", number, maxHeaders)
		}
		name, value, err := parseHeader(string(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		headers[name] = append(headers[name], value)
	}
	if lines == 0 {
		return nil, errors.New("no headers in it")
	}
	return headers, nil
}

func parseHeader(line string) (name, value string, err error) {
	name, value, found := strings.Cut(line, ":")
	name, value = strings.TrimRight(name, " \t"), strings.TrimSpace(value)
	switch {
	case !found:
		return "", "", errors.New("want \"Name: value\"") // the line may be a bare token: it is not shown
	case name == "" || strings.ContainsFunc(name, notToken):
		return "", "", errors.New("the text before the colon is no header name")
	case value == "":
		return "", "", fmt.Errorf("header %s has no value", name)
	case strings.ContainsFunc(value, notVisible):
		return "", "", fmt.Errorf("the value of header %s has characters that a header cannot carry", name)
	}
	name = stdhttp.CanonicalHeaderKey(name)
	if reserved(name) {
		return "", "", fmt.Errorf("header %s is set by the connection itself", name)
	}
	return name, value, nil
}

// notToken tells the characters that no header name has (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// notVisible tells what a value must not have: control characters, which could end the header and begin another, and
// what lies beyond ASCII, which servers read differently.
func notVisible(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }

// reserved reports whether the transports set or need a header themselves.
func reserved(name string) bool {
	switch name {
	case "Host", "Connection", "Upgrade", "Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding",
		"Accept", "Accept-Encoding", "Te", "Trailer", "Expect":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}
