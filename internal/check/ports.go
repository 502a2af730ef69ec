package check

import (
	"context"
	"errors"
	"io"
	stdnet "net"
	"strings"
	"syscall"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// maxSocketPath is the longest path that a unix socket can have everywhere, in bytes.
const maxSocketPath = 103

// ports tries to take every address that the node listens on. While a node runs, an address that is taken is taken by it,
// as far as that can be told.
func (r *run) ports(ctx context.Context) {
	process, running := r.running(ctx)
	try := func(name, network, address string) {
		r.step(name, func() verdict { return judgePort(bind(ctx, network, address), process, running) })
	}
	for _, text := range r.Config.Network.Listen {
		network, address, err := dialable(text)
		if err != nil {
			r.add(text, skip("%v", err))
			continue
		}
		try(text, network, address)
	}
	for _, page := range [][2]string{{"metrics", r.Config.Metrics.Listen}, {"dashboard", r.Config.Dashboard.Listen}} {
		if name, address := page[0], page[1]; address != "" {
			try(name+" "+address, "tcp", address)
		}
	}
	address := r.Config.APIAddress()
	path, socket := strings.CutPrefix(address, "unix://")
	switch {
	case !socket:
		try("api "+address, "tcp", address)
	case len(path) > maxSocketPath:
		r.add("api", fail("set api.listen to a shorter path, or to 127.0.0.1 and a port", "the path of a socket has at most %d bytes: %s", maxSocketPath, path))
	default:
		r.add("api", pass("%s", address))
	}
}

// dialable returns the part of a multiaddr that the system knows: TCP or UDP, host and port.
func dialable(text string) (network, address string, err error) {
	m, err := ma.NewMultiaddr(text)
	if err != nil {
		return "", "", err
	}
	above, _ := ma.SplitFunc(m, func(c ma.Component) bool { return c.Protocol().Code == ma.P_QUIC_V1 })
	return manet.DialArgs(above)
}

// bind takes an address and gives it back.
func bind(ctx context.Context, network, address string) error {
	var taken io.Closer
	var err error
	if strings.HasPrefix(network, "udp") {
		taken, err = new(stdnet.ListenConfig).ListenPacket(ctx, network, address)
	} else {
		taken, err = new(stdnet.ListenConfig).Listen(ctx, network, address)
	}
	if err != nil {
		return err
	}
	return taken.Close()
}

func judgePort(err error, process string, running bool) verdict {
	switch {
	case err == nil && running:
		return warn("look into the node's log: it should listen there, or it was started with another configuration", "free, though a node runs (process %s)", process)
	case err == nil:
		return pass("free")
	case errors.Is(err, syscall.EADDRINUSE) && running:
		return pass("taken, as it should be: a node runs (process %s)", process)
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(Advice(err), "%v", err)
	case errors.Is(err, syscall.EACCES):
		return fail("use a port above 1023, or let the service bind it (AmbientCapabilities=CAP_NET_BIND_SERVICE)", "%v", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return fail("this machine has no such address: remove it from the configuration", "%v", err)
	}
	return fail("correct the address in the configuration", "%v", err)
}
