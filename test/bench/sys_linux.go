package main

import (
	"os/exec"
	"syscall"
)

const maxrssUnit = 1 << 10 // bytes in getrusage's unit of memory

// ownGroup keeps a terminal's Ctrl-C from a child, because this program ends it
// itself. It also ends the child when this program is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// settle waits until everything written is on the disk, so that a run does not
// pay for the one before it, or for the making of its data.
func settle() { syscall.Sync() }

// memoryFolder returns a folder in memory with room for this many bytes; "" if
// there is none.
func memoryFolder(room int64) string {
	const shm = "/dev/shm"
	var fs syscall.Statfs_t
	if syscall.Statfs(shm, &fs) != nil || !inMemory(shm) || int64(fs.Bavail)*int64(fs.Bsize) < room {
		return ""
	}
	return shm
}

func inMemory(dir string) bool {
	const tmpfs = 0x01021994
	var fs syscall.Statfs_t
	return syscall.Statfs(dir, &fs) == nil && int64(fs.Type) == tmpfs
}

func killGroup(cmd *exec.Cmd, s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
