package localchain

import (
	"testing"

	"go.uber.org/goleak"
)

// Closing a chain ends all that it started, but for three things of go-ethereum's that no one can end: the
// process-wide sender cache, a goroutine of the in-memory database of peers that looks for its end every 30 s, and, on
// a busy machine, the subscription of a client that left so shortly before that the loop which would take its farewell
// has ended.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/eth/filters.(*Subscription).Unsubscribe.func1"))
}
