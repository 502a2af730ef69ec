package api

import (
	"net/http"
	"strings"
)

// pagePath is where the dashboard stands beside the API, so that whoever knows an instance's URL knows its page.
const pagePath = "/dashboard"

// Show serves a page below /dashboard/. It has a guard of its own: a browser that opens it brings no Authorization.
func (e *Entrance) Show(page http.Handler) { e.page.Store(&page) }

// withPage sends requests for the page there and all others on.
func (e *Entrance) withPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := e.page.Load()
		switch {
		case page == nil:
			next.ServeHTTP(w, r)
		case r.URL.Path == pagePath:
			http.Redirect(w, r, pagePath+"/", http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, pagePath+"/"):
			http.StripPrefix(pagePath, *page).ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
