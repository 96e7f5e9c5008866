package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asof/asof/internal/objstore"
)

const racers = 32

func testCreate(t *testing.T, s objstore.Store) {
	const key = "checkpoints/myfile/20250318T140338Z/a.txt"
	before := time.Now().Add(-time.Hour)
	create(t, s, key, "first")
	info, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if info.Key != key || info.Size != 5 || info.Modified.Before(before) {
		t.Errorf("stat gives %+v", info)
	}
	for _, content := range []string{"second", "first", ""} {
		err := s.Create(t.Context(), key, objstore.Bytes([]byte(content)), objstore.Attributes{})
		if !errors.Is(err, objstore.ErrExists) {
			t.Errorf("create of %q over it: %v, want ErrExists", content, err)
		}
		if err != nil && !strings.Contains(err.Error(), key) {
			t.Errorf("error %q does not name the key", err)
		}
	}
	if got := read(t, s, key); got != "first" {
		t.Errorf("content is now %q", got)
	}
}

func testAttributes(t *testing.T, s objstore.Store) {
	reader, ok := objstore.As[AttributeReader](s)
	if !ok {
		t.Skip("the store can't tell attributes")
	}
	check := func(key string, want objstore.Attributes) {
		t.Helper()
		got, err := reader.Attributes(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if got.ContentType == "application/octet-stream" && want.ContentType == "" {
			got.ContentType = ""
		}
		if got != want {
			t.Errorf("attributes of %s are %+v, want %+v", key, got, want)
		}
	}
	page := objstore.Attributes{ContentType: "text/html; charset=utf-8", CacheControl: "public, max-age=31536000, immutable"}
	list := objstore.Attributes{ContentType: "application/json", CacheControl: "no-store"}
	plain := objstore.Attributes{}

	for key, attr := range map[string]objstore.Attributes{"page": page, "plain": plain} {
		if err := s.Create(t.Context(), key, objstore.Bytes([]byte(key)), attr); err != nil {
			t.Fatal(err)
		}
		check(key, attr)
	}
	// A copy has its own attributes, not its source's.
	for dst, attr := range map[string]objstore.Attributes{"page2": list, "page3": plain} {
		if err := s.Copy(t.Context(), "page", dst, attr, false); err != nil {
			t.Fatal(err)
		}
		check(dst, attr)
	}
	if _, err := s.Swap(t.Context(), "register", "", []byte("{}"), list); err != nil {
		t.Fatal(err)
	}
	check("register", list)
}

func testCreateRacers(t *testing.T, s objstore.Store) {
	const key = "race"
	var won atomic.Int32
	var winner atomic.Value
	race(t, func(i int) error {
		content := fmt.Sprintf("racer %d", i)
		err := s.Create(t.Context(), key, objstore.Bytes([]byte(content)), objstore.Attributes{})
		if err == nil {
			won.Add(1)
			winner.Store(content)
		} else if !errors.Is(err, objstore.ErrExists) {
			return err
		}
		return nil
	})
	if won.Load() != 1 {
		t.Fatalf("%d of %d racers created the object, want one", won.Load(), racers)
	}
	if got := read(t, s, key); got != winner.Load() {
		t.Errorf("content is %q, the winner wrote %q", got, winner.Load())
	}
}

// race runs f for all racers at once.
func race(t *testing.T, f func(i int) error) {
	t.Helper()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			<-start
			if err := f(i); err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
		})
	}
	close(start)
	wg.Wait()
}

func testPut(t *testing.T, s objstore.Store) {
	same, other := objstore.Bytes([]byte("same")), objstore.Bytes([]byte("else"))
	for i, want := range []bool{true, false} {
		created, err := objstore.Put(t.Context(), s, "k", same, objstore.Attributes{})
		if err != nil || created != want {
			t.Errorf("put %d: created %v, error %v", i, created, err)
		}
	}
	if _, err := objstore.Put(t.Context(), s, "k", other, objstore.Attributes{}); !errors.Is(err, objstore.ErrDiffers) {
		t.Errorf("put of other content: %v, want ErrDiffers", err)
	}
	if got := read(t, s, "k"); got != "same" {
		t.Errorf("content is now %q", got)
	}
}

func testCopy(t *testing.T, s objstore.Store) {
	create(t, s, "src/ü +%?#.txt", "content")
	create(t, s, "other", "other")
	if err := s.Copy(t.Context(), "src/ü +%?#.txt", "dst/ä &=~.txt", objstore.Attributes{}, false); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "dst/ä &=~.txt"); got != "content" {
		t.Errorf("the copy is %q", got)
	}
	if err := s.Copy(t.Context(), "other", "dst/ä &=~.txt", objstore.Attributes{}, false); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("copy onto an object: %v, want ErrExists", err)
	}
	if got := read(t, s, "dst/ä &=~.txt"); got != "content" {
		t.Errorf("the copy is now %q", got)
	}
	if err := s.Copy(t.Context(), "other", "dst/vacant", objstore.Attributes{}, true); err != nil || read(t, s, "dst/vacant") != read(t, s, "other") {
		t.Errorf("copy to a vacant place: %v", err)
	}
	if err := s.Copy(t.Context(), "nothing", "dst/new", objstore.Attributes{}, false); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("copy of nothing: %v, want ErrNotFound", err)
	}
	absent(t, s, "dst/new")
	// A copy does not depend on its source.
	if err := s.Delete(t.Context(), "src/ü +%?#.txt"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "dst/ä &=~.txt"); got != "content" {
		t.Errorf("the copy is %q once its source is gone", got)
	}
	create(t, s, "empty", "")
	if err := s.Copy(t.Context(), "empty", "empty2", objstore.Attributes{}, false); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "empty2"); got != "" {
		t.Errorf("the copy of nothing is %q", got)
	}
}

func testDelete(t *testing.T, s objstore.Store) {
	create(t, s, "a/b/c", "x")
	create(t, s, "a/b/d", "y")
	for range 2 {
		if err := s.Delete(t.Context(), "a/b/c"); err != nil {
			t.Error(err)
		}
	}
	absent(t, s, "a/b/c")
	if got := read(t, s, "a/b/d"); got != "y" {
		t.Errorf("the neighbour is %q", got)
	}
	create(t, s, "a/b/c", "again")
	if got := read(t, s, "a/b/c"); got != "again" {
		t.Errorf("created again it is %q", got)
	}
	for _, key := range []string{"a/b/c", "a/b/d", "never/was"} {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	if left := keys(t, s, "", ""); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}

func testBodyUntouched(t *testing.T, s objstore.Store) {
	// Two reads of one body: a caller may pass the same Body repeatedly.
	opened := 0
	body := objstore.Bytes([]byte("content"))
	inner := body.OpenAt
	body.OpenAt = func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		opened++
		return inner(ctx, offset)
	}
	for _, key := range []string{"a", "b"} {
		if err := s.Create(t.Context(), key, body, objstore.Attributes{}); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s, key); got != "content" {
			t.Errorf("%s is %q", key, got)
		}
	}
	if opened != 2 {
		t.Errorf("the body was opened %d times for two objects", opened)
	}
}
