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
	// Subscribers may show tokens of their own in place of Token. Also where no token is asked for, who shows one of these has its rights
	// and no others.
	Subscribers []Subscriber
}

// ErrUnauthorized says that a request showed no token, or another one.
var ErrUnauthorized = errors.New("want the token of api.token_file, as \"Authorization: Bearer ...\"")

// Handler puts the guard before a handler, and a check that refuses what a foreign page makes a browser send.
func (g Guard) Handler(next http.Handler) http.Handler {
	hosts := g.hosts()
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, admitted := g.admits(r)
		switch {
		case !serve.Loopback(r.Host) && !slices.Contains(hosts, hostname(r.Host)):
			http.Error(w, "this API answers requests for localhost and for the hosts of cluster.urls only", http.StatusForbidden)
		case !admitted:
			w.Header().Set("WWW-Authenticate", "Bearer")
			_ = write(w, http.StatusUnauthorized, problemOf(ErrUnauthorized)) // the client has gone: its concern
		default:
			next.ServeHTTP(w, called(r, by))
		}
	})
}

// admits says whether a request is let in, and as whose if it is not the operator's. It compares in constant time, and by digests, so that
// not even a token's length shows in the time it takes.
func (g Guard) admits(r *http.Request) (by *Subscriber, ok bool) {
	if r.URL.Path == "/healthz" {
		return nil, true
	}
	word, shown := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	have := sha256.Sum256([]byte(word))
	is := func(token string) bool {
		want := sha256.Sum256([]byte(token))
		return subtle.ConstantTimeCompare(have[:], want[:]) == 1 && shown && token != ""
	}
	for i := range g.Subscribers {
		if is(g.Subscribers[i].Token) {
			by = &g.Subscribers[i]
		}
	}
	return by, by != nil || g.Token == "" || is(g.Token)
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
