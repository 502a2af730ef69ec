package dashboard

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"

	"github.com/walletnode/walletnode/internal/serve"
)

// door lets viewers in: those who have shown the token if there is one, else those on this machine. The token itself is in
// no cookie. What is, every instance with the same token takes, and it ends with the token.
type door struct{ token string }

const (
	cookieName = "walletnode_dashboard"
	// cookieAge is how long a browser keeps the cookie, in seconds: a week.
	cookieAge = 7 * 24 * 3600
)

// pass is the cookie's value.
func (d door) pass() string {
	mac := hmac.New(sha256.New, []byte(d.token))
	mac.Write([]byte("walletnode dashboard 1"))
	return hex.EncodeToString(mac.Sum(nil))
}

// same compares in a time that tells nothing, not even lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// guard refuses who has not shown the token.
func (d door) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.token != "" {
			if c, err := r.Cookie(cookieName); err != nil || !same(c.Value, d.pass()) {
				http.Error(w, "show the token first", http.StatusUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// login takes the token from a form's field of that name.
func (d door) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if d.token == "" || !same(r.PostFormValue("token"), d.token) {
		http.Error(w, "this is not the token", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: d.pass(), Path: "/", MaxAge: cookieAge,
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// host refuses requests that were meant for another host, see serve.Loopback. With a token there is nothing to refuse: the
// cookie that a browser shows is of the name it believes to talk to.
func (d door) host(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.token == "" && !serve.Loopback(r.Host) {
			http.Error(w, "the dashboard answers requests for localhost only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
