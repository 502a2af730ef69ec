package serve

import (
	stdnet "net"
	"strings"
)

// Loopback reports whether a host, with or without a port, is this machine's own. Servers that ask for no password refuse
// requests whose Host is another: a page whose name was made to point at this machine (DNS rebinding) is of the browser's
// own origin, but its Host header tells.
func Loopback(hostport string) bool {
	host, _, err := stdnet.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip := stdnet.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
