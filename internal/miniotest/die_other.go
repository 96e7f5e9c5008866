//go:build !linux

package miniotest

import "syscall"

// dieWithParent can do nothing here: a killed test process leaves its server.
func dieWithParent() *syscall.SysProcAttr { return nil }
