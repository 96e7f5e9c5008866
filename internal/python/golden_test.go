package python

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"testing"
)

// golden checks the answers of Python's packaging library: those below testdata, and, where
// ASOF_TEST_PYTHON names a Python that has packaging, that many fresh ones. Each row is what
// was asked and what the library answers; answer must complete it likewise.
func golden(t *testing.T, kind string, fresh int, answer func(t *testing.T, row row)) {
	t.Run("golden", func(t *testing.T) {
		f, err := os.Open("testdata/" + kind + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkRows(t, f, answer)
	})
	t.Run("fresh", func(t *testing.T) {
		python := os.Getenv("ASOF_TEST_PYTHON")
		if python == "" {
			t.Log("no fresh cases: ASOF_TEST_PYTHON names no Python that has packaging")
			return
		}
		seed := rand.Uint32()
		cmd := exec.CommandContext(t.Context(), python, "testdata/golden.py", kind, strconv.Itoa(fresh), strconv.Itoa(int(seed)))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		rows := checkRows(t, stdout, answer)
		if err := cmd.Wait(); err != nil || rows != fresh {
			t.Fatalf("%d rows of %d: %v\n%s", rows, fresh, err, stderr.Bytes())
		}
		t.Logf("%s: %d rows, seed %d", cmd, rows, seed)
	})
}

// row is one case.
type row []json.RawMessage

// text returns a text of a row; one that is null is not there.
func (r row) text(t *testing.T, i int) (text string, there bool) {
	var p *string
	r.get(t, i, &p)
	if p == nil {
		return "", false
	}
	return *p, true
}

func (r row) get(t *testing.T, i int, to any) {
	if err := json.Unmarshal(r[i], to); err != nil {
		t.Fatalf("%s: %v", r[i], err)
	}
}

// want compares an answer with that of a row.
func (r row) want(t *testing.T, i int, got any) {
	t.Helper()
	want := reflect.New(reflect.TypeOf(got))
	r.get(t, i, want.Interface())
	if !reflect.DeepEqual(got, want.Elem().Interface()) {
		t.Errorf("%s: got %v, want %v", r[:i], got, want.Elem().Interface())
	}
}

func (r row) String() string {
	text, _ := json.Marshal([]json.RawMessage(r))
	return string(text)
}

func checkRows(t *testing.T, from io.Reader, answer func(t *testing.T, row row)) int {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	var header struct{ Packaging string }
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &header) != nil || header.Packaging == "" {
		t.Fatalf("the first line names no version of packaging: %q", lines.Text())
	}
	rows := 0
	for ; lines.Scan(); rows++ {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		answer(t, r)
	}
	if err := lines.Err(); err != nil || rows == 0 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	return rows
}
