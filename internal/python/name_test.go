package python

import "testing"

func TestNormalizeName(t *testing.T) {
	for name, want := range map[string]string{
		"Django": "django", "oslo.concurrency": "oslo-concurrency", "A__b-._C": "a-b-c", "zope.interface": "zope-interface", "": "", "a-": "a-", "__": "-",
	} {
		if got := NormalizeName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "7", "Foo.Bar_baz--9"} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "-a", "a-", ".", "..", "a/b", "a b", "a\n", "\u00e9", "a%2fb", "\u212a", "a\x00"} {
		if err := CheckName(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestNamesOfPackaging(t *testing.T) {
	golden(t, "names", 20_000, func(t *testing.T, r row) {
		name, _ := r.text(t, 0)
		r.want(t, 1, NormalizeName(name))
		r.want(t, 2, CheckName(name) == nil)
	})
}
