package test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The store is reached through the proxy that the environment names, with both drivers.
// NO_PROXY takes hosts out, and what the proxy refuses is told as its refusal.
func TestStoreBehindProxy(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewBucket(t)
	up := isos(t)
	for _, driver := range []string{"minio", "s3"} {
		t.Run(driver, func(t *testing.T) {
			p := newFaultProxy(t, server.Endpoint) // it forwards whatever host it is asked for
			store := storeURL(driver, "store.invalid:9000", bucket, driver)
			if driver == "minio" {
				store += "?tls=false"
			}
			w := newWorkspace(t, configOf(store, "thin", up.URL()), append(credentials(server), "HTTP_PROXY=http://"+p.endpoint, "ASOF_PATIENCE=0s")...)
			published(w, "publish")
			if p.requests() == 0 {
				t.Error("the proxy saw nothing")
			}

			p.arm(fault{lasting: true, do: func(_ *faultProxy, rw http.ResponseWriter, _ *http.Request, _ bool) {
				rw.WriteHeader(http.StatusProxyAuthRequired)
			}}, 1)
			r := w.try("list", "myfile")
			if r.code != 1 || !strings.Contains(r.stderr, "the proxy answers 407 Proxy Authentication Required\nhint: a proxy's credentials are given in HTTPS_PROXY or HTTP_PROXY\n") {
				t.Errorf("exit code %d\n%s", r.code, r.stderr)
			}
			p.disarm()
			seen := p.requests()
			w.env = append(w.env, "NO_PROXY=store.invalid")
			if r := w.try("list", "myfile"); r.code != 1 || !strings.Contains(r.stderr, "lookup store.invalid") || p.requests() != seen {
				t.Errorf("without the proxy: exit code %d, %d requests to the proxy\n%s", r.code, p.requests()-seen, r.stderr)
			}
		})
	}
}

// An authority of one's own is trusted where the hint says.
func TestStoreWithOwnAuthority(t *testing.T) {
	server := minio.Server(t)
	bucket := server.NewBucket(t)
	s := httptest.NewTLSServer(newFaultProxy(t, server.Endpoint))
	t.Cleanup(s.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	endpoint := strings.TrimPrefix(s.URL, "https://")
	for _, tt := range []struct{ driver, store, variable string }{
		{"minio", "minio://" + endpoint + "/" + bucket + "/minio?tls=true", "SSL_CERT_FILE"},
		{"s3", "s3://" + bucket + "/s3?endpoint=" + s.URL + "&path_style=true&region=us-east-1", "AWS_CA_BUNDLE"},
	} {
		w := newWorkspace(t, configOf(tt.store, "thin", isos(t).URL()), append(credentials(server), tt.variable+"="+authority)...)
		published(w, "publish")
	}
}
