package fetch

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/asof/asof/internal/retry"
)

// A mirror is asked at its own place: without the upstream's credentials, with its own
// patience, and not at a private address if the upstream is a public one.
func TestElsewhere(t *testing.T) {
	for _, tt := range []struct{ home, other, want string }{
		{"192.0.2.1", "192.0.2.2", ""},
		{"10.0.0.6", "10.0.0.7", ""},
		{"192.0.2.1", "10.0.0.7", "get MIRROR/os/a%5Eb: 10.0.0.7 is a private address, and the upstream is a public one"},
	} {
		var asked []string
		mirror := serve(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.RequestURI+" "+r.Header.Get("X-Token"))
			_, _ = io.WriteString(w, "ok")
		})
		home := serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "list "+r.Header.Get("X-Token"))
		})
		world := towns{}
		world.at(home.URL, tt.home)
		world.at(mirror.URL, tt.other)
		c := newClient(t, home.URL, Options{Headers: map[string]string{"X-Token": "secret"}}, Env{pretend: world.pretend})
		if tt.home == "192.0.2.1" {
			c.transports.guard.private.Store(false) // the URL holds an address of this machine
		}
		if body, err := read(t.Context(), c, c.URL("list"), -1); err != nil || body != "list secret" {
			t.Errorf("%q, %v", body, err)
		}
		base, err := ParseURL(mirror.URL + "/os/")
		if err != nil {
			t.Fatal(err)
		}
		m := c.Elsewhere(base, retry.NewGates(retry.Options{}))
		body, err := read(t.Context(), m, m.URL("a^b"), -1)
		if tt.want != "" {
			if err == nil || strings.ReplaceAll(err.Error(), mirror.URL, "MIRROR") != tt.want {
				t.Errorf("%v", err)
			}
			continue
		}
		if err != nil || body != "ok" || len(asked) != 1 || asked[0] != "/os/a%5Eb " {
			t.Errorf("%q, %v, %q", body, err, asked)
		}
		mirror.Close()
		began := time.Now()
		if _, err := read(t.Context(), m, m.URL("x"), -1); err == nil || time.Since(began) > time.Minute {
			t.Errorf("%v", err)
		}
	}
}
