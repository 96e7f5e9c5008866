package main

import (
	"os/exec"
	"syscall"
)

const maxrssUnit = 1 << 10 // bytes in getrusage's unit of memory

// ownGroup keeps a terminal's Ctrl-C from a child, which this program ends
// itself, and ends the child also when this program is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// settle waits until all that was written is on the disk: a run does not pay for
// what the one before it, or the making of its data, has left to be written.
func settle() { syscall.Sync() }

func killGroup(cmd *exec.Cmd, s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
