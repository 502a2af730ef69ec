package client

import (
	"errors"
	"fmt"
	stdnet "net"
	"net/url"
	"strings"
)

// maxURL is the longest URL of an instance, in bytes. An onion address has 62.
const maxURL = 256

// origin is where one instance is reached: scheme, host and port, in one spelling.
type origin struct{ scheme, host string }

func (o origin) String() string { return o.scheme + "://" + o.host }

// originOf reads the URL of an instance: http or https, a host and perhaps a port, and nothing behind it.
func originOf(text string) (origin, error) {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if len(text) > maxURL || strings.ContainsFunc(text, odd) {
		return origin{}, fmt.Errorf("URL %.80q: want at most %d printable letters of ASCII", text, maxURL)
	}
	u, err := url.Parse(text)
	if err != nil {
		return origin{}, errors.New("not a URL that can be read")
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" || u.Hostname() == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return origin{}, fmt.Errorf("URL %.80q: want http or https, a host, perhaps a port, and nothing else", text)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return origin{u.Scheme, stdnet.JoinHostPort(strings.ToLower(u.Hostname()), port)}, nil
}

// originsOf reads those of the URLs that can be read, in their order.
func originsOf(urls []string) (list []origin) {
	for _, text := range urls {
		if o, err := originOf(text); err == nil {
			list = append(list, o)
		}
	}
	return list
}
