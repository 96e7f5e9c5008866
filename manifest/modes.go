package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
)

const modesFormat = "asof.modes/1"

// ModesPath is the path of a checkpoint's modes. A checkpoint without the file has no
// executable files.
const ModesPath = GeneratedDir + "modes.json"

// MaxModes bounds the size of a modes document in bytes: some million paths.
const MaxModes = 64 << 20

// Modes says which files of a tree are programs. It stands beside the manifest and not in
// it: neither the manifest's name nor its content depends on modes, and whoever does not
// know them reads the tree as before.
type Modes struct {
	Executable []string // paths, ascending
}

// Of reports whether the file at a path is executable.
func (m Modes) Of(path string) bool {
	_, ok := slices.BinarySearch(m.Executable, path)
	return ok
}

// Differing returns the paths that are executable in one of the two and not in the other,
// in ascending order.
func (m Modes) Differing(other Modes) (paths []string) {
	a, b := m.Executable, other.Executable
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			paths, a = append(paths, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			paths, b = append(paths, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return paths
}

type modesHead struct {
	Format string `json:"format"`
}

// Encode returns the document's canonical form: JSON with one line a path.
func (m Modes) Encode() ([]byte, error) {
	err := checkExecutable(m.Executable)
	var b []byte
	if err == nil {
		b, err = appendHead(nil, modesHead{modesFormat})
	}
	if err == nil {
		b = appendExecutable(b, m.Executable, "}\n")
		if len(b) > MaxModes {
			err = fmt.Errorf("larger than %d bytes", MaxModes)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("modes: %w", err)
	}
	return b, nil
}

// ParseModes reads the canonical form only.
func ParseModes(data []byte) (m Modes, err error) {
	d, err := openDocument(data, MaxModes, modesFormat)
	if err == nil {
		err = d.head(&modesHead{})
	}
	if err == nil {
		m.Executable, err = readExecutable(d, "}")
	}
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return Modes{}, fmt.Errorf("modes: %w", err)
	}
	return m, nil
}

// The list of executable files is the same in modes and in a staged revision.
const executableList = "executable"

func appendExecutable(b []byte, list []string, end string) []byte {
	return appendList(b, executableList, list, end, func(b []byte, path string) []byte {
		line, _ := json.Marshal(path) // no string fails
		return append(b, line...)
	})
}

func readExecutable(d *document, end string) ([]string, error) {
	list, err := readList(d, executableList, end, func([]byte) (string, bool) { return "", false })
	if err == nil {
		err = checkExecutable(list)
	}
	return list, err
}

func checkExecutable(list []string) error {
	for i, path := range list {
		if err := CheckPath(path); err != nil {
			return err
		}
		if i > 0 && path <= list[i-1] {
			return fmt.Errorf("executable path %q is out of order", path)
		}
	}
	return nil
}
