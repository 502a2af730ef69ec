package bench

import (
	"runtime/debug"
	"runtime/metrics"
)

// FootprintMetrics are the runtime's names of what a Footprint holds: goroutines, live heap, stacks.
var FootprintMetrics = [3]string{"/sched/goroutines:goroutines", "/memory/classes/heap/objects:bytes", "/memory/classes/heap/stacks:bytes"}

// Footprint is what the process holds. Sizes are in bytes.
type Footprint struct {
	Goroutines, Heap, Stacks int64
	Resident                 int64 // 0 where the system does not tell
}

// Measure collects garbage, returns memory to the system and tells what is left.
func Measure() Footprint {
	debug.FreeOSMemory() // collects first
	debug.FreeOSMemory() // once more, for what finalizers held
	samples := make([]metrics.Sample, len(FootprintMetrics))
	for i, name := range FootprintMetrics {
		samples[i].Name = name
	}
	metrics.Read(samples)
	value := func(i int) int64 {
		if samples[i].Value.Kind() != metrics.KindUint64 {
			return 0
		}
		return int64(samples[i].Value.Uint64()) //nolint:gosec // no process is that large
	}
	return Footprint{Goroutines: value(0), Heap: value(1), Stacks: value(2), Resident: residentNow()}
}

// Since returns what has come since an earlier measure.
func (f Footprint) Since(earlier Footprint) Footprint {
	return Footprint{
		Goroutines: f.Goroutines - earlier.Goroutines,
		Heap:       f.Heap - earlier.Heap,
		Stacks:     f.Stacks - earlier.Stacks,
		Resident:   f.Resident - earlier.Resident,
	}
}
