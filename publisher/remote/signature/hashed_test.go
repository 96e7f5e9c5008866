package signature

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/asof/asof/publisher/remote/remotetest"
)

// A text that is written bit by bit is judged as one that is there at once.
func TestBeginDetached(t *testing.T) {
	const version3 = "testdata/version3/"
	one, two := newKey(t), newKey(t)
	k, err := Read([]string{remotetest.KeyFile(t, true, one), version3 + "key.asc"}, false)
	must(t, err)
	at := time.Date(2026, time.December, 24, 0, 0, 0, 0, time.UTC)
	file := func(name string) string {
		data, err := os.ReadFile(version3 + name)
		must(t, err)
		return string(data)
	}
	const text = "one\ntwo\n"
	first, second := remotetest.Detach(t, text, made(), one), remotetest.Detach(t, text, made(), two)
	for name, signature := range map[string]string{
		"good": first, "unknown": second, "both": first + second, "version 3": file("binary.sig"), "weak": file("sha1.sig"),
		"none": "", "a page": "<html>", "malformed": first[:100], "a broken second": first + first[:100],
	} {
		for _, text := range []string{text, text + "x", ""} {
			notes, want := k.VerifyDetached([]byte(text), []byte(signature), at)
			w, verify := k.BeginDetached([]byte(signature), at)
			for _, b := range []byte(text) {
				_, err := w.Write([]byte{b})
				must(t, err)
			}
			got, err := verify()
			if fmt.Sprint(got, err) != fmt.Sprint(notes, want) {
				t.Errorf("%s, %q: %v, %v; want %v, %v", name, text, got, err, notes, want)
			}
		}
	}

	// Text mode, which no long text has, is not known there.
	w, verify := k.BeginDetached([]byte(file("textmode.sig")), at)
	_, err = w.Write([]byte(text))
	must(t, err)
	if _, err := verify(); err == nil {
		t.Error("text mode is good")
	}
}
