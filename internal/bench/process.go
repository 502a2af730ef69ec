package bench

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// CPUTime is what the process has used so far, in user and kernel mode.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // the system does not tell
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak makes the kernel forget the highest resident memory so far (Linux; elsewhere it is left as it is).
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakRSS is the highest resident memory since resetPeak, in bytes; 0 where the system does not tell.
func peakRSS() int64 { return status("VmHWM:") }

// residentNow is the resident memory, in bytes; 0 where the system does not tell.
func residentNow() int64 { return status("VmRSS:") }

// status reads a size from Linux's account of the process.
func status(field string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte(field))
	value, _, _ := bytes.Cut(rest, []byte("kB"))
	kb, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
	if err != nil {
		return 0
	}
	return kb * 1024
}
