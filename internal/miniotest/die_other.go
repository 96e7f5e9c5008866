//go:build !linux

package miniotest

import "syscall"

// dieWithParent can do nothing here: the server outlives a killed test process.
func dieWithParent() *syscall.SysProcAttr { return nil }
