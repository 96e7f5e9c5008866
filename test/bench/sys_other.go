//go:build !linux

package main

import (
	"os/exec"
	"syscall"
)

const maxrssUnit = 1 // bytes in getrusage's unit of memory

// ownGroup does nothing here: a child can't be told to die with its parent.
func ownGroup() *syscall.SysProcAttr { return nil }

func settle() {}

func memoryFolder(int64) string { return "" }

func inMemory(string) bool { return false }

func killGroup(cmd *exec.Cmd, s syscall.Signal) error { return cmd.Process.Signal(s) }
