//go:build unix && !linux

package pgserver

import (
	"os/exec"
	"syscall"
)

// startTied starts a server. Nothing here ties it to this process: one that is killed leaves it behind.
func startTied(cmd *exec.Cmd, as *syscall.Credential) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	return cmd.Start()
}
