package fetch

import (
	"net/http"
	"testing"
)

// A client asks for documents of the types that its owner reads, and tells what came.
func TestAccepting(t *testing.T) {
	const types = "application/vnd.pypi.simple.v1+json, text/html; q=0.01"
	var asked []string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Accept"))
		w.Header().Set("Content-Type", "text/html; charset=latin-1")
	})
	c := newClient(t, server.URL+"/simple/", Options{}, Env{})
	for _, client := range []*Client{c.Accepting(types), c} {
		resp, err := client.Get(t.Context(), client.URL("hello/"), -1)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.Type != "text/html; charset=latin-1" {
			t.Errorf("%q", resp.Type)
		}
	}
	if len(asked) != 2 || asked[0] != types || asked[1] != "" {
		t.Errorf("%q", asked)
	}
	other := newClient(t, "http://other.example.com/", Options{}, Env{})
	if !c.Own(c.URL("hello/")) || c.Own(other.URL("hello/")) {
		t.Error("whose host it is")
	}
}
