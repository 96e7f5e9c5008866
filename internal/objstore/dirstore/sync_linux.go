package dirstore

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	syncEachFile = false // syncStore does it for all at once
	syncsDirs    = true
)

// syncStore makes everything written to the file system durable: bytes and names
// of all objects created before.
func syncStore(root *os.Root) error {
	f, err := root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
