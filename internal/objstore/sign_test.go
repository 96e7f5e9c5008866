package objstore_test

import (
	"testing"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/memstore"
)

// A prefix signs if what is behind it does.
func TestCanSign(t *testing.T) {
	s, err := objstore.WithPrefix(memstore.New(memstore.Options{}), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := objstore.CanSign(s); ok {
		t.Error("memory signs URLs")
	}
}
