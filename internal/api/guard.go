package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	stdnet "net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/internal/serve"
)

// Guard is who may ask at one address. The zero value is for a unix socket or a loopback address: no word is asked for, and
// a request must be meant for this machine.
type Guard struct {
	// Token is the word that requests must show; empty for none. /healthz needs none: it tells nothing.
	Token string
	// URLs are where others reach the API: requests may be meant for their hosts too, if there is a token.
	URLs []string
	// TLS is what connections speak; nil for plain HTTP.
	TLS *tls.Config
}

// ErrUnauthorized says that a request showed no token, or another one.
var ErrUnauthorized = errors.New("want the token of api.token_file, as \"Authorization: Bearer ...\"")

// Handler puts the guard before a handler, and a check that refuses what a foreign page makes a browser send.
func (g Guard) Handler(next http.Handler) http.Handler {
	hosts := g.hosts()
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !serve.Loopback(r.Host) && !slices.Contains(hosts, hostname(r.Host)):
			http.Error(w, "this API answers requests for localhost and for the hosts of cluster.urls only", http.StatusForbidden)
		case !g.admits(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			_ = write(w, http.StatusUnauthorized, problemOf(ErrUnauthorized)) // the client has gone: its concern
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// admits compares in constant time, and by digests, so that not even the token's length shows in the time it takes.
func (g Guard) admits(r *http.Request) bool {
	if g.Token == "" || r.URL.Path == "/healthz" {
		return true
	}
	word, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	have, want := sha256.Sum256([]byte(word)), sha256.Sum256([]byte(g.Token))
	return subtle.ConstantTimeCompare(have[:], want[:]) == 1 && ok
}

// hosts are those that requests may be meant for, besides this machine's own names. Without a token there are none: a
// page whose name was made to point here is kept out by its name alone.
func (g Guard) hosts() (list []string) {
	if g.Token == "" {
		return nil
	}
	for _, text := range g.URLs {
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			list = append(list, strings.ToLower(u.Hostname()))
		}
	}
	return list
}

// hostname is a Host header without its port, in one spelling.
func hostname(hostport string) string {
	host, _, err := stdnet.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	return strings.ToLower(host)
}
