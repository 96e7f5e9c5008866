package miniostore_test

import (
	"os"
	"testing"

	"github.com/asof/asof/internal/miniotest"
	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3test"
	"github.com/asof/asof/internal/objstore/miniostore"
)

var shared miniotest.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

func TestStore(t *testing.T) {
	s3test.Run(t, &shared, func(t *testing.T, c s3test.Config) objstore.Store {
		s, err := miniostore.New(miniostore.Options{Options: c.Options(), Endpoint: c.Endpoint})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
