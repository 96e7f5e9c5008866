package cloudfront

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/asof/asof/manifest"
	"github.com/asof/asof/publisher/ledger"
)

const (
	testStore        = "arn:aws:cloudfront::123456789012:key-value-store/11111111-2222-3333-4444-555555555555"
	testDistribution = "E2EXAMPLE"
)

// fakeAWS is CloudFront's control plane on loopback, with one key value store and
// one distribution.
type fakeAWS struct {
	t       *testing.T
	version int
	pairs   map[string]string
	puts    int                 // keys put, in all
	calls   []string            // requests, shortened
	auth    map[string]struct{} // algorithm and service of signatures
	invalid []string            // callers and paths of invalidations
	before  func(call string) (status int, code string)

	mu sync.Mutex
}

func newFakeAWS(t *testing.T) *fakeAWS {
	return &fakeAWS{t: t, pairs: map[string]string{}, auth: map[string]struct{}{}}
}

// announcer returns an Announcer that talks to it.
func (f *fakeAWS) announcer(opts Options) *Announcer {
	f.t.Helper()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "1"} {
		f.t.Setenv(name, value)
	}
	server := httptest.NewServer(f)
	f.t.Cleanup(server.Close)
	opts.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			f.note(req)
			to := req.Clone(req.Context())
			to.URL.Scheme, to.URL.Host = "http", strings.TrimPrefix(server.URL, "http://")
			return next.RoundTrip(to)
		})
	}
	a, err := New(f.t.Context(), opts)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

// note checks that every request goes to the service's own host, and is signed.
func (f *fakeAWS) note(req *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	algorithm, _, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	f.auth[algorithm+" "+req.URL.Scheme+"://"+req.URL.Host] = struct{}{}
}

func (f *fakeAWS) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := req.URL.EscapedPath()
	key := ""
	switch {
	case strings.HasSuffix(path, "/invalidation"):
		path = "invalidate"
	case strings.Contains(path, "/keys/"):
		_, key, _ = strings.Cut(path, "/keys/")
		key, _ = url.PathUnescape(key)
		path = "get " + key
	case strings.HasSuffix(path, "/keys"):
		path = "update"
	default:
		path = "describe"
	}
	f.calls = append(f.calls, path)
	if f.before != nil {
		if status, code := f.before(path); status != 0 {
			fail(w, status, code)
			return
		}
	}
	w.Header().Set("ETag", fmt.Sprintf("V%d", f.version))
	switch value, ok := f.pairs[key]; {
	case path == "describe":
		fmt.Fprintf(w, `{"KvsARN":%q,"ItemCount":%d,"TotalSizeInBytes":1,"Created":1}`, testStore, len(f.pairs))
	case path == "update":
		f.update(w, req)
	case path == "invalidate":
		f.invalidate(w, req)
	case !ok:
		fail(w, http.StatusNotFound, "ResourceNotFoundException")
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"Key": key, "Value": value, "ItemCount": 1, "TotalSizeInBytes": 1})
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":"no"}`)
}

func (f *fakeAWS) update(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Puts    []Pair
		Deletes []struct{ Key string }
	}
	if err := json.NewDecoder(req.Body).Decode(&in); err != nil {
		f.t.Error(err)
	}
	if req.Header.Get("If-Match") != fmt.Sprintf("V%d", f.version) {
		fail(w, http.StatusConflict, "ConflictException")
		return
	}
	if len(in.Puts)+len(in.Deletes) > 50 {
		f.t.Errorf("%d keys at once", len(in.Puts)+len(in.Deletes))
	}
	for _, p := range in.Puts {
		if len(p.Key) > 512 || p.size() > 1024 {
			f.t.Errorf("%s is too large", p.Key)
		}
		f.pairs[p.Key] = p.Value
	}
	for _, d := range in.Deletes {
		if _, ok := f.pairs[d.Key]; !ok {
			f.t.Errorf("deletes %s, which is not there", d.Key)
		}
		delete(f.pairs, d.Key)
	}
	f.puts += len(in.Puts)
	f.version++
	w.Header().Set("ETag", fmt.Sprintf("V%d", f.version))
	fmt.Fprintf(w, `{"ItemCount":%d,"TotalSizeInBytes":1}`, len(f.pairs))
}

func (f *fakeAWS) invalidate(w http.ResponseWriter, req *http.Request) {
	data, _ := io.ReadAll(req.Body)
	var in struct {
		CallerReference string
		Paths           struct {
			Quantity int
			Items    []string `xml:"Items>Path"`
		}
	}
	if err := xml.Unmarshal(data, &in); err != nil || in.Paths.Quantity != len(in.Paths.Items) {
		f.t.Errorf("%s: %v", data, err)
	}
	f.invalid = append(f.invalid, in.CallerReference+": "+strings.Join(in.Paths.Items, " "))
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>`)
}

func (f *fakeAWS) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fakeAWS) wantCalls(want ...string) {
	f.t.Helper()
	if got := f.taken(); !slices.Equal(got, want) {
		f.t.Errorf("requests %q, want %q", got, want)
	}
}

// wantStore checks that the store has exactly the pairs of an index.
func (f *fakeAWS) wantStore(ix manifest.Index, months int) {
	f.t.Helper()
	pairs, err := Pairs(testBase, ix, months, false)
	if err != nil {
		f.t.Fatal(err)
	}
	want := map[string]string{}
	for _, p := range pairs {
		want[p.Key] = p.Value
	}
	if !maps.Equal(f.pairs, want) {
		f.t.Errorf("the store holds\n%v\nwant\n%v", f.pairs, want)
	}
}

func change(ix manifest.Index) ledger.Announcement {
	return ledger.Announcement{Repo: manifest.Repo{Name: "myfile", Base: testBase}, Index: ix}
}

// Each change costs three requests, and puts what changed.
func TestUpdate(t *testing.T) {
	f := newFakeAWS(t)
	a := f.announcer(Options{KeyValueStore: testStore, Months: 3})
	ix := index(t, "20250101T000000Z", "20250102T000000Z", "20250102T120000Z")
	announce := func(puts int, calls ...string) {
		t.Helper()
		f.puts = 0
		if err := a.Announce(t.Context(), change(ix)); err != nil {
			t.Fatal(err)
		}
		if f.puts != puts {
			t.Errorf("%d keys put, want %d", f.puts, puts)
		}
		f.wantCalls(calls...)
	}
	head := "get " + testBase
	announce(4, "describe", head, "update") // two days, a month, the repo
	f.wantStore(ix, 3)
	announce(0, "describe", head) // nothing is new

	ix = add(t, ix, "20250102T130000Z")
	announce(3, "describe", head, "update") // the day, the month, the repo
	f.wantStore(ix, 3)

	ix = add(t, ix, "20250301T000000Z")
	announce(6, "describe", head, "update") // a day more, January to March
	f.wantStore(ix, 3)

	ix = prune(t, ix, "20250101T000000Z", "20250301T000001Z", "a reason, with \"signs\" + %")
	announce(4, "describe", head, "update") // the pruned one's day, and what is newest
	f.wantStore(ix, 3)
	if got, want := f.pairs[testBase+"/20250101"], "- 000000-a%20reason%2C%20with%20%22signs%22%20+%20%25"; got != want {
		t.Errorf("pruned: %q, want %q", got, want)
	}

	var err error
	if ix, err = ix.MoveHorizon(mustID(t, "20250302T000000Z")); err != nil {
		t.Fatal(err)
	}
	announce(4, "describe", head, "update")
	f.wantStore(ix, 3)

	// January and February fall out of the three months.
	ix = add(t, ix, "20250420T000000Z")
	announce(5, "describe", head, "get "+testBase+"/202501", "get "+testBase+"/202502", "update", "update")
	f.wantStore(ix, 3)

	// An older state never replaces a newer one.
	old := index(t, "20250101T000000Z")
	if err := a.Announce(t.Context(), change(old)); err != nil {
		t.Fatal(err)
	}
	f.wantStore(ix, 3)

	if got := slices.Sorted(maps.Keys(f.auth)); !slices.Equal(got, []string{"AWS4-ECDSA-P256-SHA256 https://123456789012.cloudfront-kvs.global.api.aws"}) {
		t.Errorf("signed as %q", got)
	}
}

// withdrawn is an index without what lies behind a time and two minutes.
func withdrawn(t *testing.T, ix manifest.Index, now string) manifest.Index {
	t.Helper()
	next, err := ix.Withdraw(mustID(t, now), nil)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// What was taken back is nowhere left, wherever the update was cut off: its time will
// come. Then the store holds what it would if nothing had been there.
func TestUpdateWithdrawn(t *testing.T) {
	for name, ids := range map[string][]string{
		"the next day":       {"20250102T120000Z", "20250103T000000Z", "20250103T010000Z"},
		"in the next months": {"20250102T120000Z", "20250203T000000Z", "20250404T000000Z"},
		"in ten years":       {"20250102T120000Z", "20350102T000000Z"},
		"all that there is":  {"20350102T000000Z", "20350202T000000Z"},
	} {
		for stop := 1; ; stop++ {
			f := newFakeAWS(t)
			a := f.announcer(Options{KeyValueStore: testStore, Months: 3})
			ix := index(t, ids...)
			if err := a.Announce(t.Context(), change(ix)); err != nil {
				t.Fatal(err)
			}
			ix = withdrawn(t, ix, "20250102T130000Z")
			n := 0
			f.before = func(string) (int, string) {
				if n++; n == stop {
					return http.StatusInternalServerError, "InternalServerException"
				}
				return 0, ""
			}
			err := a.Announce(t.Context(), change(ix))
			f.before = nil
			if err == nil {
				f.wantStore(ix, 3)
				if stop < 4 {
					t.Errorf("%s: it took %d requests", name, stop)
				}
				break
			}
			// The next change finds the rest.
			ix = add(t, ix, "20250102T140000Z")
			if err := a.Announce(t.Context(), change(ix)); err != nil {
				t.Fatal(err)
			}
			f.wantStore(ix, 3)
		}
	}
}

// Of a retired repo the store knows nothing, and nothing below it stays in the cache.
func TestUpdateRetired(t *testing.T) {
	f := newFakeAWS(t)
	a := f.announcer(Options{KeyValueStore: testStore, Distribution: testDistribution, Months: 3})
	ix := index(t, "20250101T000000Z", "20250102T000000Z", "20250302T120000Z")
	if err := a.Announce(t.Context(), change(ix)); err != nil {
		t.Fatal(err)
	}
	f.invalid = nil
	ix, err := ix.Retire(manifest.Retired{At: mustID(t, "20250401T000000Z"), To: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Announce(t.Context(), change(ix)); err != nil {
		t.Fatal(err)
	}
	if len(f.pairs) > 0 {
		t.Errorf("left: %v", f.pairs)
	}
	if got := strings.Join(f.invalid, "\n"); !strings.Contains(got, " /"+testBase+"/* ") {
		t.Error(got)
	}
	if ix, err = ix.Revive(); err != nil {
		t.Fatal(err)
	}
	if err := a.Announce(t.Context(), change(ix)); err != nil {
		t.Fatal(err)
	}
	f.wantStore(ix, 3)
}

// A repo with a single checkpoint costs no more: its times are all the same.
func TestUpdateOfOne(t *testing.T) {
	f := newFakeAWS(t)
	a := f.announcer(Options{KeyValueStore: testStore})
	ix := index(t, "20250101T000000Z")
	if err := a.Announce(t.Context(), change(ix)); err != nil {
		t.Fatal(err)
	}
	f.taken()
	ix = add(t, ix, "20250102T000000Z")
	if err := a.Announce(t.Context(), change(ix)); err != nil {
		t.Fatal(err)
	}
	f.wantCalls("describe", "get "+testBase, "update")
	f.wantStore(ix, 12)
}

// A first update of many keys goes in batches, and the repo's value comes last.
// If it is cut off anywhere, the store promises nothing that is missing, and the
// next update finishes.
func TestUpdateInterrupted(t *testing.T) {
	ids := make([]string, 0, 120)
	for i := range 120 {
		ids = append(ids, fmt.Sprintf("2025%02d%02dT000000Z", 1+i/20, 1+i%20))
	}
	ix := index(t, ids...)
	for stop := 1; ; stop++ {
		f := newFakeAWS(t)
		a := f.announcer(Options{KeyValueStore: testStore})
		n := 0
		f.before = func(string) (int, string) {
			if n++; n == stop {
				return http.StatusInternalServerError, "InternalServerException"
			}
			return 0, ""
		}
		err := a.Announce(t.Context(), change(ix))
		if err == nil {
			if stop < 5 {
				t.Fatalf("no request failed: %d", stop)
			}
			f.wantStore(ix, 12)
			return
		}
		if _, ok := f.pairs[testBase]; ok {
			t.Errorf("stopped at %d: the repo is known", stop)
		}
		f.before = nil
		if err := a.Announce(t.Context(), change(ix)); err != nil {
			t.Fatal(err)
		}
		f.wantStore(ix, 12)
	}
}

// Others may change the store meanwhile, even for this very repo.
func TestUpdateConflict(t *testing.T) {
	f := newFakeAWS(t)
	a := f.announcer(Options{KeyValueStore: testStore})
	ix := index(t, "20250101T000000Z")
	conflicts := 3
	f.before = func(call string) (int, string) {
		if call == "update" && conflicts > 0 {
			conflicts--
			f.version++
		}
		return 0, ""
	}
	if err := a.Announce(t.Context(), change(ix)); err != nil {
		t.Fatal(err)
	}
	f.wantStore(ix, 12)
	f.before = func(call string) (int, string) {
		if call == "update" {
			return http.StatusConflict, "ConflictException"
		}
		return 0, ""
	}
	err := a.Announce(t.Context(), change(add(t, ix, "20250102T000000Z")))
	if want := "cloudfront key value store: others changed it 10 times meanwhile"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	f.before = func(call string) (int, string) {
		if call == "update" {
			return http.StatusPaymentRequired, "ServiceQuotaExceededException"
		}
		return 0, ""
	}
	err = a.Announce(t.Context(), change(add(t, ix, "20250102T000000Z")))
	if err == nil || !strings.HasSuffix(err.Error(), "it holds 5 MiB: configure fewer months") {
		t.Errorf("%v", err)
	}
}

// The distribution drops what changed, once for each change, and nothing if only
// the horizon moved.
func TestInvalidate(t *testing.T) {
	f := newFakeAWS(t)
	a := f.announcer(Options{Distribution: testDistribution})
	c := change(index(t, "20250101T000000Z"))
	c.Repo.Base = "odd/c++~"
	if err := a.Announce(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := "asof odd/c++~ 1: / /odd/c%2B%2B~/ /odd/c%2B%2B~/checkpoints.json /odd/c%2B%2B~/index.html /odd/"
	if !slices.Equal(f.invalid, []string{want}) {
		t.Errorf("%q, want %q", f.invalid, want)
	}
	c.HorizonOnly = true
	if err := a.Announce(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	f.wantCalls("invalidate")
}
