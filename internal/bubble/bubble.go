// Package bubble lets tests that run in virtual time (testing/synctest) be watched by the race detector.
//
// All timers of one bubble share one context of the race detector, and in Go 1.26 a timer that is due is run by whichever
// processor looks at its channel. Two that do so at once use the context at once, which ends the process with "ThreadSanitizer:
// CHECK failed" or a segmentation fault. Networks in memory, with timers for each stream, meet this every other run. On one
// processor there is one at a time; the detector, which compares what happens before what, sees races all the same.
package bubble

import (
	"os"
	"runtime"
	"testing"
)

// Main is a TestMain for packages whose tests have many timers in bubbles: under the race detector they get one processor.
func Main(m *testing.M) {
	if Watched {
		runtime.GOMAXPROCS(1)
	}
	os.Exit(m.Run())
}
