package dirstore

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// modified is when the object got its key. A copy is a hard link, which shares
// its file's modification time but moves its change time. An object that seems
// too young is safe from those who delete old ones.
func modified(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return fi.ModTime()
}

// markCopied has nothing to do: the link moved the change time.
func markCopied(*os.Root, string) error { return nil }
