package python

import (
	"strings"
	"testing"
)

func mustTarget(t *testing.T, python, platform string) Target {
	t.Helper()
	target, err := ParseTarget(python, platform)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func tagsOf(t *testing.T, text string) Tags {
	t.Helper()
	tags, err := parseTags(strings.Split(text, "-"))
	if err != nil {
		t.Fatal(err)
	}
	return tags
}

func TestTargetFits(t *testing.T) {
	for _, c := range []struct{ python, platform, in, out string }{
		{"3.11", "manylinux_2_28_x86_64",
			"py3-none-any py2.py3-none-any py311-none-any py30-none-any cp311-none-any cp311-cp311-manylinux_2_17_x86_64 cp311-cp311-manylinux_2_28_x86_64 cp37-abi3-manylinux1_x86_64 cp311-abi3-manylinux2010_x86_64 py3-none-manylinux2014_x86_64 cp311-cp311-linux_x86_64 cp310.cp311-cp310.cp311-manylinux_2_39_x86_64.manylinux_2_5_x86_64",
			"py2-none-any py312-none-any cp310-none-any cp311-cp311-any cp311-abi3-any cp310-cp310-manylinux_2_17_x86_64 cp312-abi3-manylinux_2_17_x86_64 cp311-cp311-manylinux_2_29_x86_64 cp311-cp311-manylinux_2_17_aarch64 cp311-cp311-manylinux_2_4_x86_64 cp311-cp311-musllinux_1_1_x86_64 cp311-cp311d-linux_x86_64 cp311-cp311t-linux_x86_64 pp311-none-any cp03-abi3-linux_x86_64"},
		{"3.11.4", "manylinux_2_28_aarch64", "cp311-cp311-manylinux_2_17_aarch64 cp311-cp311-manylinux2014_aarch64", "cp311-cp311-manylinux_2_12_aarch64 cp311-cp311-manylinux1_aarch64"},
		{"3.8", "manylinux2014_x86_64", "cp38-cp38-manylinux_2_17_x86_64", "cp38-cp38m-manylinux1_x86_64 cp38-cp38-manylinux_2_18_x86_64"},
		{"3.7", "linux_x86_64", "cp37-cp37m-linux_x86_64", "cp37-cp37-linux_x86_64 cp37-cp37m-manylinux1_x86_64"},
		{"2.7", "win32", "cp27-cp27m-win32 cp27-cp27mu-win32 py2-none-any py27-none-win32 py26-none-any", "cp27-abi3-win32 py3-none-any py28-none-any"},
		{"3.13t", "win_amd64", "cp313-cp313t-win_amd64 cp39-abi3t-win_amd64 py3-none-any", "cp313-cp313-win_amd64 cp39-abi3-win_amd64"},
		{"pp3.10", "musllinux_1_2_x86_64", "pp310-pypy310_pp73-musllinux_1_1_x86_64 pp3-none-any py3-none-any pp310-none-linux_x86_64", "cp310-cp310-musllinux_1_1_x86_64 pp310-none-any pp39-pypy39_pp73-musllinux_1_1_x86_64 cp37-abi3-musllinux_1_1_x86_64 pp310-pypy310_pp73-musllinux_1_3_x86_64 pp310-pypy310_pp73-musllinux_2_0_x86_64"},
		{"3.12", "macosx_14_0_arm64", "cp312-cp312-macosx_14_0_arm64 cp312-cp312-macosx_11_0_universal2 cp312-cp312-macosx_10_9_universal2 cp38-abi3-macosx_11_0_arm64", "cp312-cp312-macosx_15_0_arm64 cp312-cp312-macosx_10_9_x86_64 cp312-cp312-macosx_10_9_arm64 cp312-cp312-macosx_14_1_arm64 cp312-cp312-macosx_10_3_universal2"},
		{"3.12", "macosx_13_0_x86_64", "cp312-cp312-macosx_10_9_x86_64 cp312-cp312-macosx_13_0_universal2 cp312-cp312-macosx_10_6_intel", "cp312-cp312-macosx_11_0_arm64 cp312-cp312-macosx_14_0_x86_64"},
		{"3.8", "macosx_10_15_x86_64", "cp38-cp38-macosx_10_9_x86_64 cp38-cp38-macosx_10_4_intel", "cp38-cp38-macosx_10_16_x86_64 cp38-cp38-macosx_11_0_x86_64 cp38-cp38-macosx_10_3_x86_64"},
		{"3.12", "any", "py3-none-any cp312-none-any", "cp312-cp312-any cp312-cp312-linux_x86_64"},
	} {
		target := mustTarget(t, c.python, c.platform)
		for _, tags := range strings.Fields(c.in) {
			if !target.Fits(tagsOf(t, tags)) {
				t.Errorf("%s does not fit %s", tags, target)
			}
		}
		for _, tags := range strings.Fields(c.out) {
			if target.Fits(tagsOf(t, tags)) {
				t.Errorf("%s fits %s", tags, target)
			}
		}
	}
}

func TestParseTarget(t *testing.T) {
	for _, c := range [][3]string{
		{"3.11", "any", "3.11 on any"}, {"3.13.1t", "win_arm64", "3.13.1t on win_arm64"}, {"pp3.10", "linux_i686", "pp3.10 on linux_i686"},
	} {
		if got := mustTarget(t, c[0], c[1]).String(); got != c[2] {
			t.Errorf("%q", got)
		}
	}
	for _, python := range []string{"", "3", "3.", "4.0", "3.011", "3.11.x", "python3.11", "311", "pp3.10t", "3.100", "3.11\n"} {
		if target, err := ParseTarget(python, "any"); err == nil || !strings.Contains(err.Error(), "is no version of Python, like 3.11, 3.11.4, 3.13t or pp3.10") {
			t.Errorf("%q: %s, %v", python, target, err)
		}
	}
	for _, platform := range []string{"", "linux-x86_64", "Linux", "manylinux_2_28_", "x86_64/linux"} {
		if target, err := ParseTarget("3.11", platform); err == nil || !strings.Contains(err.Error(), "is no tag of a platform, like manylinux_2_28_x86_64 or win_amd64") {
			t.Errorf("%q: %s, %v", platform, target, err)
		}
	}
}

func TestTargetRuns(t *testing.T) {
	for _, c := range []struct {
		python, requires string
		want             bool
	}{
		{"3.11", "", true},
		{"3.11", ">=3.8", true},
		{"3.11", ">=3.11.4", true},
		{"3.11", "<3.11.4", true},
		{"3.11", "==3.11.7", true},
		{"3.11", "!=3.11.*", false},
		{"3.11", ">3.11", true},
		{"3.11", "<3.11", false},
		{"3.11", "<=3.11", true},
		{"3.11", ">=3.12", false},
		{"3.11", ">=2.7, !=3.0.*, <4", true},
		{"3.11.2", ">=3.11.4", false},
		{"3.11.4", ">=3.11.4", true},
		{"3.13t", "~=3.8", true},
	} {
		s, err := ParseRequiresPython(c.requires)
		if got := mustTarget(t, c.python, "any").Runs(s); err != nil || got != c.want {
			t.Errorf("%s with %q: %t, %v", c.python, c.requires, got, err)
		}
	}
}

func TestTargetEnvironment(t *testing.T) {
	for _, c := range []struct {
		python, platform string
		want             Environment
	}{
		{"3.11.4", "manylinux_2_28_aarch64", Environment{PythonVersion: "3.11", PythonFullVersion: "3.11.4", OSName: "posix", SysPlatform: "linux", PlatformMachine: "aarch64", PlatformSystem: "Linux", PlatformPythonImplementation: "CPython", ImplementationName: "cpython", ImplementationVersion: "3.11.4"}},
		{"2.7", "manylinux1_x86_64", Environment{PythonVersion: "2.7", OSName: "posix", SysPlatform: "linux2", PlatformMachine: "x86_64", PlatformSystem: "Linux", PlatformPythonImplementation: "CPython", ImplementationName: "cpython"}},
		{"pp3.10.5", "macosx_14_0_arm64", Environment{PythonVersion: "3.10", PythonFullVersion: "3.10.5", OSName: "posix", SysPlatform: "darwin", PlatformMachine: "arm64", PlatformSystem: "Darwin", PlatformPythonImplementation: "PyPy", ImplementationName: "pypy"}},
		{"3.13t", "win_amd64", Environment{PythonVersion: "3.13", OSName: "nt", SysPlatform: "win32", PlatformMachine: "AMD64", PlatformSystem: "Windows", PlatformPythonImplementation: "CPython", ImplementationName: "cpython"}},
		{"3.13", "win32", Environment{PythonVersion: "3.13", OSName: "nt", SysPlatform: "win32", PlatformSystem: "Windows", PlatformPythonImplementation: "CPython", ImplementationName: "cpython"}},
		{"3.13", "any", Environment{PythonVersion: "3.13", PlatformPythonImplementation: "CPython", ImplementationName: "cpython"}},
	} {
		if got := mustTarget(t, c.python, c.platform).Environment(); got != c.want {
			t.Errorf("%s on %s: %+v", c.python, c.platform, got)
		}
	}
}

func TestTagsOfPackaging(t *testing.T) {
	golden(t, "tags", 60_000, func(t *testing.T, r row) {
		python, _ := r.text(t, 0)
		platform, _ := r.text(t, 1)
		tags, _ := r.text(t, 2)
		r.want(t, 3, mustTarget(t, python, platform).Fits(tagsOf(t, tags)))
	})
}
