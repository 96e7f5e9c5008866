package manifest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
)

// Lines of the index, of segments and of the registry are written and read by
// hand, many times faster than by encoding/json: an index has hundreds, a history
// a million. The output equals json.Marshal's. The fast reader accepts only lines
// surely in that form; it leaves all others to decodeExact, which accepts them or
// says what is wrong.

func appendCheckpoint(b []byte, c Checkpoint) []byte {
	b = appendID(append(b, '{'), "id", c.ID)
	b = appendDigest(b, "manifest", c.Manifest)
	b = appendDigest(b, "content", c.Content)
	b = appendDigest(b, "pages", c.Pages)
	b = appendNumber(b, "files", c.Files)
	b = appendNumber(b, "bytes", c.Bytes)
	b = appendNumber(b, "added", c.Added)
	b = appendNumber(b, "removed", c.Removed)
	b = appendNumber(b, "changed", c.Changed)
	b = appendText(b, "layout", string(c.Layout))
	if c.Usage {
		b = append(b, `,"usage":true`...)
	}
	if c.Partial {
		b = append(b, `,"partial":true`...)
	}
	return append(b, '}')
}

func readCheckpoint(line []byte) (c Checkpoint, ok bool) {
	r := lineReader{line, true}
	c.ID = r.id(`{"id":"`)
	r.digest(`","manifest":"`, &c.Manifest)
	r.digest(`","content":"`, &c.Content)
	r.digest(`","pages":"`, &c.Pages)
	c.Files = r.number(`","files":`)
	c.Bytes = r.number(`,"bytes":`)
	c.Added = r.number(`,"added":`)
	c.Removed = r.number(`,"removed":`)
	c.Changed = r.number(`,"changed":`)
	c.Layout = r.layout(`,"layout":"`)
	r.skip(`"`)
	c.Usage = r.has(`,"usage":true`)
	c.Partial = r.has(`,"partial":true`)
	return c, r.end(`}`)
}

func appendTombstone(b []byte, t Tombstone) []byte {
	b = appendID(append(b, '{'), "id", t.ID)
	b = appendID(b, "at", t.At)
	b = appendText(b, "reason", t.Reason)
	b = appendDigest(b, "manifest", t.Manifest)
	b = appendDigest(b, "pages", t.Pages)
	return append(appendText(b, "layout", string(t.Layout)), '}')
}

func readTombstone(line []byte) (t Tombstone, ok bool) {
	r := lineReader{line, true}
	t.ID = r.id(`{"id":"`)
	t.At = r.id(`","at":"`)
	t.Reason = string(r.text(`","reason":"`))
	r.digest(`","manifest":"`, &t.Manifest)
	r.digest(`","pages":"`, &t.Pages)
	t.Layout = r.layout(`","layout":"`)
	return t, r.end(`"}`)
}

func appendSegmentRef(b []byte, s SegmentRef) []byte {
	b = appendID(append(b, '{'), "first", s.First)
	b = appendID(b, "last", s.Last)
	b = appendNumber(b, "checkpoints", int64(s.Checkpoints))
	b = appendNumber(b, "pruned", int64(s.Pruned))
	b = appendDigest(b, "sha256", s.Digest)
	return append(appendNumber(b, "size", s.Size), '}')
}

func readSegmentRef(line []byte) (s SegmentRef, ok bool) {
	r := lineReader{line, true}
	s.First = r.id(`{"first":"`)
	s.Last = r.id(`","last":"`)
	s.Checkpoints = int(r.number(`","checkpoints":`))
	s.Pruned = int(r.number(`,"pruned":`))
	r.digest(`,"sha256":"`, &s.Digest)
	s.Size = r.number(`","size":`)
	return s, r.end(`}`)
}

func appendRepo(b []byte, r Repo) []byte {
	b = appendText(append(b, '{'), "name", r.Name)
	return append(appendText(b, "base", r.Base), '}')
}

func readRepo(line []byte) (repo Repo, ok bool) {
	r := lineReader{line, true}
	repo.Name = string(r.text(`{"name":"`))
	repo.Base = string(r.text(`","base":"`))
	return repo, r.end(`"}`)
}

// appendName appends a member's name, after a comma unless it is the first.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

func appendID(b []byte, name string, id ID) []byte {
	b = append(appendName(b, name), '"')
	return append(id.append(b), '"')
}

func appendDigest(b []byte, name string, d Digest) []byte {
	b = append(appendName(b, name), '"')
	return append(hex.AppendEncode(b, d[:]), '"')
}

func appendNumber(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

func appendText(b []byte, name, s string) []byte {
	b = appendName(b, name)
	for i := range len(s) {
		if !plain(s[i]) {
			quoted, _ := json.Marshal(s) // no string fails
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// plain reports whether json.Marshal always writes a byte of a string unchanged,
// whatever its neighbours.
func plain(c byte) bool {
	return ' ' <= c && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// lineReader reads a line from its start. After the first mismatch ok stays
// false. Each method reads the text before a value, then the value.
type lineReader struct {
	rest []byte
	ok   bool
}

func (r *lineReader) skip(s string) {
	if r.ok = r.ok && len(r.rest) >= len(s) && string(r.rest[:len(s)]) == s; r.ok {
		r.rest = r.rest[len(s):]
	}
}

// has reports whether the line goes on like this, and skips it.
func (r *lineReader) has(s string) bool {
	rest, ok := bytes.CutPrefix(r.rest, []byte(s))
	if ok = ok && r.ok; ok {
		r.rest = rest
	}
	return ok
}

// take reads n bytes after a prefix. It returns nil if there are fewer.
func (r *lineReader) take(prefix string, n int) []byte {
	r.skip(prefix)
	if r.ok = r.ok && len(r.rest) >= n; !r.ok {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *lineReader) id(prefix string) (id ID) {
	if text := r.take(prefix, len(idLayout)); r.ok {
		id, r.ok = parseID(text)
	}
	return id
}

func (r *lineReader) digest(prefix string, d *Digest) {
	if text := r.take(prefix, 2*len(d)); r.ok {
		r.ok = d.decode(text)
	}
}

func (r *lineReader) number(prefix string) (n int64) {
	r.skip(prefix)
	digits := 0
	for digits < len(r.rest) && '0' <= r.rest[digits] && r.rest[digits] <= '9' {
		digits++
	}
	// Up to 18 digits fit an int64; maxNumber has 16.
	if r.ok = r.ok && digits > 0 && digits <= 18 && (r.rest[0] != '0' || digits == 1); !r.ok {
		return 0
	}
	for _, c := range r.rest[:digits] {
		n = 10*n + int64(c-'0')
	}
	r.rest = r.rest[digits:]
	return n
}

func (r *lineReader) text(prefix string) []byte {
	r.skip(prefix)
	length := 0
	for length < len(r.rest) && plain(r.rest[length]) {
		length++
	}
	return r.take("", length)
}

func (r *lineReader) layout(prefix string) Layout {
	switch string(r.text(prefix)) {
	case string(Full):
		return Full
	case string(Thin):
		return Thin
	}
	r.ok = false
	return ""
}

func (r *lineReader) end(s string) bool {
	r.skip(s)
	return r.ok && len(r.rest) == 0
}
