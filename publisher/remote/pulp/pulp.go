// Package pulp reads and writes PULP_MANIFEST, the list of a folder's files that
// Pulp syncs from. It is text, one file a line:
//
//	relative_path,sha256,size
//
// sha256 is 64 hexadecimal digits of either case. size is a decimal number of
// bytes, at most manifest.MaxSize. Blank lines, lines that begin with #, CRLF, a
// byte order mark, and blanks around lines and fields mean nothing. "." segments
// are dropped from paths. Otherwise paths are those of manifest.CheckPath. None
// may stand below another or be the manifest's own. A file may be listed again
// with the same digest and size. An example:
//
//	# nightly images
//	images/disk 1, signed.iso,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,4
//
// Pulp has had two readers. Pulp 3 splits a line at its last two commas, so a path
// may hold commas. Pulp 2 read CSV: a field may stand in double quotes, and a
// doubled quote in it stands for one. Lines are read as Pulp 3 reads them, except
// where quotes open a line and the line is three fields of CSV. There the quotes
// are CSV's, and [Document.Quoted] says so: Pulp 3 takes them for part of the name.
// A quoted field ends on its line, as no path holds a line break.
//
// Sources: pulp_file/manifest.py of Pulp 3; the ISO importer of Pulp 2; RFC 4180.
package pulp

import "github.com/asof/asof/publisher/remote"

// Name is the name that the list usually has.
const Name = "PULP_MANIFEST"

// Bounds of a manifest.
const (
	MaxDocument = 256 << 20 // bytes
	MaxLines    = 5_000_000
	MaxLine     = 8 << 10 // bytes, with its end
)

// Document is a manifest that was read.
type Document struct {
	Text  []byte        // as it came
	Files []remote.File // what it lists and itself, sorted by path
	// Quoted is the first line with a path that is read as CSV; 0: there is none.
	Quoted int

	name string
}
