package config

import (
	"strings"
	"testing"
)

// The environment and the levels of logging are other people's text too.
func FuzzEnvironment(f *testing.F) {
	f.Add("WALLETNODE_ETHEREUM_URL=ws://127.0.0.1:1\nWALLETNODE_NETWORK_PEERS=a,b")
	f.Add("WALLETNODE_NODE_SHUTDOWN_GRACE=1m\nWALLETNODE_LOG_LEVEL=info,swarm2=debug")
	f.Add("WALLETNODE_=\n=\nWALLETNODE_ETHEREUM_BRIDGE=0x")
	f.Fuzz(func(t *testing.T, text string) {
		environ := strings.Split(text, "\n")
		if _, err := Load("", environ, nil); err == nil {
			return
		}
		if _, err := Read("", environ, nil); err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
		_, _, _ = ParseLevels(text)
	})
}
