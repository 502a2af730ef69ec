package config

import (
	stdnet "net"
	"strings"
)

// Bounds of the API's token, in bytes.
const (
	minToken     = 32      // 128 bits, written in hex
	maxTokenFile = 4 << 10 // what HTTP servers on the way let pass as a header
)

// APIToken reads API.TokenFile: the word that requests must show, a final newline excepted. Empty if none is named.
func (c Config) APIToken() (string, error) {
	if c.API.TokenFile == "" {
		return "", nil
	}
	return readToken("API token", c.API.TokenFile)
}

// checkAPI demands that what others can reach asks who they are, and that nobody on the way reads the answer.
func (c Config) checkAPI(broken Complaints) (wrong Complaints) {
	a := c.API
	if _, err := c.APIToken(); err != nil {
		wrong = append(wrong, c.complaint("api.token_file", err.Error()))
	}
	switch {
	case a.TLSCertFile == "" && a.TLSKeyFile != "":
		wrong = append(wrong, c.complaint("api.tls_key_file", "set api.tls_cert_file as well: a key is of no use without its certificate"))
	case a.TLSCertFile != "" && a.TLSKeyFile == "":
		wrong = append(wrong, c.complaint("api.tls_cert_file", "set api.tls_key_file as well: a certificate is of no use without its key"))
	}
	switch {
	case broken.names("api.listen"):
	case !isLocal(a.Listen) && (a.TokenFile == "" || a.TLSCertFile == "" || a.TLSKeyFile == ""):
		wrong = append(wrong, c.complaint("api.listen",
			"other machines reach this address: set api.token_file, api.tls_cert_file and api.tls_key_file, or listen on a loopback address like 127.0.0.1:9602 or on unix:// and a path"))
	case len(c.Cluster.URLs) > 0 && a.TokenFile == "":
		wrong = append(wrong, c.complaint("cluster.urls", "others reach the API there, and nothing asks who they are: set api.token_file"))
	}
	return wrong
}

// checkDashboard demands a password of a page that others can reach.
func (c Config) checkDashboard(broken Complaints) Complaints {
	if broken.names("dashboard.listen") || isLocal(c.Dashboard.Listen) || c.API.TokenFile != "" {
		return nil
	}
	return Complaints{c.complaint("dashboard.listen",
		"other machines reach this address: set api.token_file, which the page then asks for, or listen on a loopback address like 127.0.0.1:9603")}
}

// isLocal reports whether an address is this machine's alone: nothing, a unix socket, or a loopback address.
func isLocal(address string) bool {
	if address == "" || strings.HasPrefix(address, unixScheme) {
		return true
	}
	host, _, err := stdnet.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := stdnet.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
