package client

import (
	"testing"

	"github.com/walletnode/walletnode/internal/bubble"
)

func TestMain(m *testing.M) { bubble.Main(m) }
