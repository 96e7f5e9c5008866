package python

import "testing"

var linux = Environment{
	PythonVersion: "3.11", PythonFullVersion: "3.11.4", OSName: "posix", SysPlatform: "linux",
	PlatformMachine: "x86_64", PlatformSystem: "Linux", PlatformPythonImplementation: "CPython",
	ImplementationName: "cpython", ImplementationVersion: "3.11.4",
}

func TestMarkerString(t *testing.T) {
	for text, want := range map[string]string{
		"os.name=='nt'": `os_name == "nt"`,
		"((  os_name == 'nt' ))and(sys_platform=='win32'or'x'not  in extra)": `os_name == "nt" and (sys_platform == "win32" or "x" not in extra)`,
		"((os_name == 'a' or os_name == 'b'))":                               `os_name == "a" or os_name == "b"`,
		"os_name=='a' and ((os_name=='b' and ((os_name=='c'))))":             `os_name == "a" and (os_name == "b" and os_name == "c")`,
		`python_implementation == 'a"b'`:                                     `platform_python_implementation == 'a"b'`,
		"extra == 'A_b' or 'C.d' == extra or 'E_f' in extras":                `extra == "a-b" or "c-d" == extra or "e-f" in extras`,
	} {
		if m, err := ParseMarker(text); err != nil || m.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, m, err, want)
		}
	}
}

func TestMarkerEvaluate(t *testing.T) {
	unpatched := linux
	unpatched.PythonFullVersion, unpatched.ImplementationVersion = "", ""
	for _, c := range []struct {
		marker string
		e      Environment
		want   Truth
	}{
		{"python_version < '3.9'", linux, No},
		{"python_version >= '3.9'", linux, Yes}, // as versions
		{"python_version in '3.10 3.11'", linux, Yes},
		{"'3.9' < python_version", linux, Yes},
		{"'3.9' > python_version", linux, No},
		{"python_version == '3.*'", linux, Yes},
		{"python_full_version ~= '3.11.2'", linux, Yes},
		{"platform_machine > 'a'", linux, No}, // other keys have no order
		{"platform_machine >= 'x86_64'", linux, Yes},
		{"platform_machine not in 'x86_64 arm64'", linux, No},
		{"os_name ~= 'posix'", linux, Unknown},
		{"os_name === 'posix'", linux, Unknown},
		{"'x' == 'x'", linux, Unknown},
		{"'a' in extras", linux, Unknown},
		{"platform_release >= '5'", linux, Unknown},
		{"platform_release >= '5' and os_name == 'nt'", linux, No},
		{"platform_release >= '5' or os_name == 'posix'", linux, Yes},
		{"(platform_version == 'x' or os_name == 'nt') and os_name == 'posix'", linux, Unknown},
		{"os_name == 'posix' and os_name == 'nt' or os_name == 'posix'", linux, Yes},
		{"os_name == 'posix'", Environment{}, Unknown},
		{"extra == 'X'", linux, Yes},
		{"extra != 'x'", linux, No},
		{"extra == ''", linux, No},
		// A patch release that is not known is any.
		{"python_full_version >= '3.9.1'", unpatched, Yes},
		{"python_full_version >= '3.11'", unpatched, Yes},
		{"python_full_version > '3.11.0'", unpatched, Unknown},
		{"python_full_version < '3.11.0a7'", unpatched, No},
		{"python_full_version == '3.11.4'", unpatched, Unknown},
		{"python_full_version != '3.11.4'", unpatched, Unknown},
		{"python_full_version == '3.10.4'", unpatched, No},
		{"python_full_version == '3.11.*'", unpatched, Yes},
		{"implementation_version < '3'", unpatched, Unknown},
	} {
		m, err := ParseMarker(c.marker)
		if got := m.Evaluate(c.e, "x"); err != nil || got != c.want {
			t.Errorf("%s: %d, %v", m, got, err)
		}
	}
}

func TestMarkerHolds(t *testing.T) {
	for _, c := range []struct {
		marker string
		extras []string
		want   bool
	}{
		{"extra == 'a'", nil, false},
		{"extra == 'a'", []string{"b", "A"}, true},
		{"extra == 'a' and extra == 'b'", []string{"a", "b"}, false},
		{"extra != 'a'", []string{"a"}, false},
		{"extra == ''", []string{"a"}, false},
		{"os_name == 'posix'", []string{"a"}, true},
		{"platform_release == '1'", nil, true},
		{"os_name == 'nt' and platform_release == '1'", nil, false},
	} {
		m, err := ParseMarker(c.marker)
		if got := m.Holds(linux, c.extras...); err != nil || got != c.want {
			t.Errorf("%s with %q: %t, %v", m, c.extras, got, err)
		}
	}
	if !(Marker{}).Holds(Environment{}) {
		t.Error("no marker does not hold")
	}
}

func TestMarkersOfPackaging(t *testing.T) {
	// As in golden.py.
	environments := []Environment{
		{"3.11", "3.11.4", "posix", "linux", "x86_64", "Linux", "5.10.0-8-amd64", "#1 SMP Debian", "CPython", "cpython", "3.11.4"},
		{"3.9", "3.9.0", "nt", "win32", "AMD64", "Windows", "10", "10.0.19041", "CPython", "cpython", "3.9.0"},
		{"3.13", "3.13.0rc2", "posix", "darwin", "arm64", "Darwin", "23.1.0", "Darwin Kernel Version 23", "CPython", "cpython", "3.13.0rc2"},
		{"2.7", "2.7.18", "posix", "linux2", "i686", "Linux", "4.4", "#1", "PyPy", "pypy", "7.3.13"},
	}
	golden(t, "markers", 20_000, func(t *testing.T, r row) {
		text, _ := r.text(t, 0)
		m, err := ParseMarker(text)
		canonical, valid := r.text(t, 3)
		if valid != (err == nil) || valid && m.String() != canonical {
			t.Errorf("%s: %q, %v", r, m, err)
		}
		if err != nil {
			return
		}
		var which int
		r.get(t, 1, &which)
		extra, _ := r.text(t, 2)
		var want *bool
		r.get(t, 4, &want)
		got := m.Evaluate(environments[which], extra)
		switch {
		case want != nil && got != truth(*want):
			t.Errorf("%s: %d", r, got)
		case want == nil && !m.undefined(environments[which], extra):
			t.Errorf("%s: nothing in it is undefined", r)
		}
	})
}

// undefined reports whether a comparison in it is. The packaging library then fails, whatever
// the others are.
func (m Marker) undefined(e Environment, extra string) bool {
	for _, all := range m.alternatives {
		for _, part := range all {
			if part.op == "" && part.marker.undefined(e, extra) || part.op != "" && part.evaluate(e, NormalizeName(extra)) == Unknown {
				return true
			}
		}
	}
	return false
}
