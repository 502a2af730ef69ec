package signing

import (
	"testing"

	onebubble "github.com/walletnode/walletnode/internal/bubble"
)

func TestMain(m *testing.M) { onebubble.Main(m) }
