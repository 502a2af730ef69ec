package check

import (
	"os"
	"testing"

	"github.com/walletnode/walletnode/internal/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
