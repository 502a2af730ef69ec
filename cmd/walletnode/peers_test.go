package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// A peer that does not admit us is the first thing to look for when nobody hears this node.
func TestPeersShowWhoDoesNotAdmitUs(t *testing.T) {
	yes, no := true, false
	peer := func(id string, admits *bool) view.Peer {
		return view.Peer{ID: id, State: net.PeerWaiting, AdmitsUs: admits}
	}
	var out bytes.Buffer
	c := cli.NewContext(&cli.App{Writer: &out}, nil, nil)
	require.NoError(t, peerSheet(view.Peers{Peers: []view.Peer{peer("a", &yes), peer("b", &no), peer("c", nil)}}).write(c))
	require.Regexp(t, `^PEER +OPERATOR +STATE +ADMITS US +CONNECTED SINCE +PARAMETERS +LAST ERROR\n`+
		`a +- +waiting +yes +- +- +-\nb +- +waiting +no +- +- +-\nc +- +waiting +- +- +- +-\n$`, out.String())
	out.Reset()
	require.NoError(t, writePeer(c, peer("b", &no)))
	require.Contains(t, out.String(), "\n  admits us   no\n")
}
