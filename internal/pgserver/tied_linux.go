package pgserver

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startTied starts a server that ends when this process does, also if that is killed or panics. The kernel ties it
// to the thread it was started by, so the calling goroutine keeps that thread for as long as it lives.
func startTied(cmd *exec.Cmd, as *syscall.Credential) error {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	return cmd.Start()
}
