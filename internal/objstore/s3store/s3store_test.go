package s3store_test

import (
	"os"
	"testing"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3test"
	"github.com/asof/asof/internal/objstore/s3store"
)

var shared miniotest.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

func TestStore(t *testing.T) {
	s3test.Run(t, &shared, func(t *testing.T, c s3test.Config) objstore.Store {
		s, err := s3store.New(t.Context(), s3store.Options{Options: c.Options(), Endpoint: "http://" + c.Endpoint, PathStyle: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
