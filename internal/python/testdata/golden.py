"""What Python's packaging library says about random cases: the tests' goldens.

    python golden.py             writes the golden files beside it, always the same ones
    python golden.py KIND N SEED writes N rows of one kind to standard output

It needs packaging 26.4 or later. Each file begins with a line that names the version. Each
further line is one case, an array in JSON: what was asked, then the answer. KINDS says what
stands in it.
"""

import json
import pathlib
import random
import re
import sys

import packaging
from packaging import _manylinux, _musllinux, metadata, tags, utils
from packaging import version as versions
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

DIGITS = ["0", "1", "2", "3", "9", "10", "00", "01", "18446744073709551616", "20240101"]


def cased(r, text):
    return r.choice([text, text, text, text.upper(), text.capitalize()])


def number(r, optional=False):
    return r.choice(["", *DIGITS] if optional else DIGITS[:7] if r.random() < 0.9 else DIGITS)


def release(r, parts=4):
    return ".".join(number(r) for _ in range(r.randint(1, parts)))


def suffix(r, words):
    return r.choice(["", "", ".", "-", "_"]) + cased(r, r.choice(words)) + r.choice(["", "", "", ".", "-", "_"]) + number(r, optional=True)


def public(r, parts=4):
    text = r.choice(["", "", "", "", "v", "V"]) + r.choice(["", "", "", "", "0!", "1!", "01!", "2!"]) + release(r, parts)
    if r.random() < 0.3:
        text += suffix(r, ["a", "b", "c", "rc", "alpha", "beta", "pre", "preview"])
    if r.random() < 0.25:
        text += r.choice(["-" + number(r), suffix(r, ["post", "rev", "r"])])
    if r.random() < 0.25:
        text += suffix(r, ["dev"])
    return text


def local(r):
    words = ["ubuntu", "1", "01", "A", "cu118", "abc", "0", "10", "g1f2", "9" * 25]
    return "+" + r.choice(words) + "".join(r.choice(".-_") + r.choice(words) for _ in range(r.choice([0, 0, 1, 2])))


def broken(r, text, chars=".-_+!v0a *\t\n\u00a0\u0661\u0131\u017f\u212a,;()<>=~"):
    """The text with one mistake in it, which may be none."""
    i = r.randint(0, len(text))
    return r.choice([
        text[:i] + r.choice(chars) + text[i:],
        text[:i] + text[i + 1:],
        text[i:] + text[:i],
        " " + text + "\n",
    ])


def version(r, wrong=0.0):
    text = public(r) + (local(r) if r.random() < 0.2 else "")
    return broken(r, text) if r.random() < wrong else text


def near(r, text):
    """A version that is much like another one."""
    v = versions.Version(text)
    epoch, parts, pre, post, dev, loc = v.epoch, list(v.release), v.pre, v.post, v.dev, v.local
    for _ in range(r.randint(1, 2)):
        match r.randint(0, 5):
            case 0:
                i = r.randrange(len(parts))
                parts[i] = max(0, parts[i] + r.choice([-1, 1]))
            case 1:
                parts = r.choice([parts + [0], parts + [1], parts[:-1] or [0]])
            case 2:
                pre = r.choice([None, ("a", 0), ("a", 1), ("b", 1), ("rc", 1)])
            case 3:
                post = r.choice([None, 0, 1, 2])
            case 4:
                dev = r.choice([None, 0, 1, 2])
            case 5:
                loc = r.choice([None, "1", "a", "a.1", "2"])
    return str(versions.Version.from_parts(epoch=epoch, release=tuple(parts), pre=pre, post=post, dev=dev, local=loc))


def parsed(text):
    try:
        return versions.Version(text)
    except versions.InvalidVersion:
        return None


def case_versions(r):
    text = version(r, wrong=0.4)
    v = parsed(text)
    return [text, None if v is None else str(v), v is not None and v.is_prerelease]


def case_order(r):
    a = version(r)
    b = near(r, a) if r.random() < 0.7 else version(r)
    x, y = versions.Version(a), versions.Version(b)
    return [a, b, (x > y) - (x < y)]


def specifier(r, of):
    """A condition that is about a version, or one like it."""
    op = r.choice(["==", "!=", "<=", ">=", "<", ">", "~=", "===", "==", "!="])
    v = versions.Version(of)
    kind = r.random()
    if kind < 0.3 and op in ("==", "!="):
        text = ".".join(map(str, v.release[: r.randint(1, 4)])) + r.choice(["", "", ".0"]) + ".*"
        text = (f"{v.epoch}!" if v.epoch and r.random() < 0.8 else "") + text
    else:
        text = near(r, of) if kind < 0.7 else of if kind < 0.85 else version(r)
        if op not in ("==", "!=", "==="):
            text = text.split("+")[0]
        if op == "~=" and "." not in text:
            text += ".0"
    return op + r.choice(["", "", " ", "  ", "\t"]) + text


def specifiers(r, of, wrong=0.0):
    text = r.choice([",", ", ", " ,"]).join(specifier(r, of) for _ in range(r.choice([1, 1, 1, 2, 2, 3])))
    if r.random() < 0.05:
        text += r.choice([",", ", ", ",,"])
    return broken(r, text) if r.random() < wrong else text


def parsed_set(text):
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def case_specifiers(r):
    of = version(r)
    text = specifiers(r, of, wrong=0.15)
    v = versions.Version(of if r.random() < 0.2 else near(r, of))
    s = parsed_set(text)
    if s is None:
        return [text, str(v), None]
    return [text, str(v), str(s), any(x.prereleases for x in s), s.contains(v, prereleases=True), s.contains(v, prereleases=False)]


def case_filters(r):
    of = version(r)
    text = next(text for text in iter(lambda: r.choice(["", specifiers(r, of), specifiers(r, of)]), None) if parsed_set(text) is not None)
    some = [versions.Version(near(r, of)) for _ in range(r.randint(1, 5))]
    return [text, list(map(str, some)), list(map(str, SpecifierSet(text).filter(some)))]


NAMES = ["a", "foo", "Foo.Bar", "x_y", "A--b", "zope.interface", "typing_extensions", "0", "a1", "n_", "foo-"]


def name(r):
    text = r.choice(NAMES)
    return broken(r, text, "-_.A0 \u00e9\u0130[") if r.random() < 0.2 else text


def case_names(r):
    text = "".join(r.choice("aB9-_.") for _ in range(r.randint(0, 8)))
    text = broken(r, text, " \u00e9/%\n") if r.random() < 0.1 else text
    try:
        utils.canonicalize_name(text, validate=True)
        valid = True
    except utils.InvalidName:
        valid = False
    return [text, utils.canonicalize_name(text), valid]


ENVIRONMENTS = [
    ["3.11", "3.11.4", "posix", "linux", "x86_64", "Linux", "5.10.0-8-amd64", "#1 SMP Debian", "CPython", "cpython", "3.11.4"],
    ["3.9", "3.9.0", "nt", "win32", "AMD64", "Windows", "10", "10.0.19041", "CPython", "cpython", "3.9.0"],
    ["3.13", "3.13.0rc2", "posix", "darwin", "arm64", "Darwin", "23.1.0", "Darwin Kernel Version 23", "CPython", "cpython", "3.13.0rc2"],
    ["2.7", "2.7.18", "posix", "linux2", "i686", "Linux", "4.4", "#1", "PyPy", "pypy", "7.3.13"],
]
VARIABLES = ["python_version", "python_full_version", "os_name", "sys_platform", "platform_machine", "platform_system", "platform_release", "platform_version", "platform_python_implementation", "implementation_name", "implementation_version"]
OLD = {"os_name": "os.name", "sys_platform": "sys.platform", "platform_version": "platform.version", "platform_machine": "platform.machine", "platform_python_implementation": "python_implementation"}
OPERATORS = ["==", "!=", "<=", ">=", "<", ">", "~=", "===", "in", "not in"]


def value(r, variable):
    if variable in ("extra", "extras", "dependency_groups"):
        return r.choice(["test", "Test", "a_B", "a-b", ""])
    i = VARIABLES.index(variable)
    text = r.choice(ENVIRONMENTS)[i]
    kind = r.random()
    if kind < 0.3 and parsed(text):
        return near(r, text)
    if kind < 0.4:
        return r.choice([text + ".*", text.split(".")[0], text + " " + r.choice(ENVIRONMENTS)[i], "", text[1:], " " + text, "=" + text])
    return text


def comparison(r):
    variable = r.choice(VARIABLES + ["python_version", "python_full_version", "extra", "extra", "sys_platform", *["extras"] * (r.random() < 0.1)])
    op = r.choice(OPERATORS[:6] if r.random() < 0.7 else OPERATORS)
    text = value(r, variable)
    quote = r.choice("\"\"'")
    text = quote + text + quote
    if r.random() < 0.2:
        variable = OLD.get(variable, variable)
    blank = r.choice([" ", " ", " ", "", "\t "])
    left, right = (variable, text) if r.random() < 0.7 else (text, variable)
    if r.random() < 0.02:
        right = r.choice([variable, text])
    gap = blank or (" " if op[0] in "in" else "")
    return left + gap + op + gap + right


def marker(r, depth=0):
    text = ""
    for i in range(r.choice([1, 1, 2, 2, 3])):
        if i > 0:
            text += r.choice([" and ", " or ", "  and\t"])
        if depth < 3 and r.random() < 0.25:
            text += r.choice(["(", "( "]) + marker(r, depth + 1) + r.choice([")", " )"])
        else:
            text += comparison(r)
    return text


def case_markers(r):
    text = marker(r)
    if r.random() < 0.1:
        text = broken(r, text, "()'\" aorin_\t\n\u00e9=")
    which = r.randrange(len(ENVIRONMENTS))
    extra = r.choice(["", "test", "A.b", "other"])
    environment = dict(zip(VARIABLES, ENVIRONMENTS[which]), extra=utils.canonicalize_name(extra))
    try:
        m = Marker(text)
    except InvalidMarker:
        return [text, which, extra, None, None]
    try:
        answer = m.evaluate_prepared(environment)
    except (UndefinedComparison, UndefinedEnvironmentName):
        answer = None
    return [text, which, extra, str(m), answer]


def case_requirements(r):
    text = requirement(r)
    # Two commas behind === are one of them by accident, and other letters or lines change where it ends.
    while "===" in text and (re.search(r",\s*,", text) or "\n" in text or not text.isascii()):
        text = requirement(r)
    try:
        return [text, str(Requirement(text))]
    except InvalidRequirement:
        return [text, None]


def requirement(r):
    text = r.choice(["", "", " "]) + name(r) + r.choice(["", "", " "])
    if r.random() < 0.3:
        text += "[" + r.choice(["", " "]) + r.choice([",", " , "]).join(name(r) for _ in range(r.randint(0, 3))) + r.choice(["]", " ]", "] "])
    kind = r.random()
    if kind < 0.15:
        text += r.choice(["@", " @ ", "@ "]) + r.choice(["https://example.org/a.zip", "file:///x;y", "git+https://h/r@v1#egg=x"]) + r.choice([" ", " ", ""])
    elif kind < 0.4:
        text += r.choice(["(", "( "]) + r.choice(["", specifiers(r, version(r))]) + r.choice([")", " )", ") "])
    elif kind < 0.9:
        text += specifiers(r, version(r))
    if r.random() < 0.4:
        text += r.choice([";", " ; ", "; "]) + comparison(r)
    if r.random() < 0.2:
        text = broken(r, text, "()[]@;,. \t\n\u00e9'\"=")
    return text


PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_17_aarch64", "manylinux2014_x86_64", "manylinux_2_5_i686", "manylinux_2_31_armv7l", "musllinux_1_2_x86_64", "musllinux_1_1_aarch64", "macosx_14_0_arm64", "macosx_11_0_arm64", "macosx_13_0_x86_64", "macosx_10_15_x86_64", "win_amd64", "win32", "win_arm64", "linux_x86_64"]
PYTHONS = ["3.11", "3.8", "3.7", "2.7", "3.13t", "3.14", "3.2", "pp3.10"]


def supported(python, platform, known={}):
    """The tags that a Python takes on a platform."""
    if (python, platform) in known:
        return known[python, platform]
    family, _, rest = platform.partition("_")
    if family in ("manylinux", "manylinux2014"):
        minor, arch = (17, rest) if family != "manylinux" else (int(rest.split("_", 2)[1]), rest.split("_", 2)[2])
        _manylinux._get_glibc_version = lambda: (2, minor)
        _manylinux._have_compatible_abi = lambda *_: True
        platforms = ["linux_" + arch, *_manylinux.platform_tags([arch])]
    elif family == "musllinux":
        major, minor, arch = rest.split("_", 2)
        _musllinux._get_musl_version = lambda _: _musllinux._MuslVersion(int(major), int(minor))
        platforms = ["linux_" + arch, *_musllinux.platform_tags([arch])]
    elif family == "macosx":
        major, minor, arch = rest.split("_", 2)
        platforms = list(tags.mac_platforms((int(major), int(minor)), arch))
    else:
        platforms = [platform]
    number = tuple(map(int, python.removeprefix("pp").removesuffix("t").split(".")))
    short = "".join(map(str, number))
    if python.startswith("pp"):
        found = {*tags.generic_tags("pp" + short, [f"pypy{short}_pp73"], platforms), *tags.compatible_tags(number, "pp3", platforms)}
    else:
        flags = ["t"] if python.endswith("t") else [""] if number >= (3, 8) else ["m"] if number >= (3, 3) else ["m", "mu"]
        found = {*tags.cpython_tags(number, [f"cp{short}{flag}" for flag in flags], platforms), *tags.compatible_tags(number, "cp" + short, platforms)}
    known[python, platform] = {str(tag) for tag in found}
    return known[python, platform]


def tag_of_platform(r):
    if r.random() < 0.5:
        return r.choice([*PLATFORMS, "any", "any"])
    arch = r.choice(["x86_64", "x86_64", "aarch64", "i686", "armv7l"])
    return r.choice([
        f"manylinux_{r.choice([1, 2, 2, 2, 2, 3])}_{r.choice([4, 5, 11, 12, 16, 17, 28, 29, 31])}_{arch}",
        r.choice(["manylinux1_", "manylinux2010_", "manylinux2014_", "linux_"]) + arch,
        f"musllinux_{r.choice([1, 1, 2])}_{r.randint(0, 3)}_{arch}",
        f"macosx_{r.choice(['10_3', '10_4', '10_9', '10_15', '10_16', '10_17', '11_0', '11_1', '12_0', '14_0', '15_0'])}_{r.choice(['arm64', 'x86_64', 'universal2', 'intel', 'universal', 'fat64', 'fat'])}",
    ])


def case_tags(r):
    python, platform = r.choice(PYTHONS), r.choice(PLATFORMS)
    if r.random() < 0.5:
        own = r.choice(sorted(supported(python, platform))).split("-")
    else:
        own = ["py3", "none", "any"]
    parts = [{part} for part in own]
    for i in range(3):
        while r.random() < 0.4:
            other = [
                lambda: r.choice(["py2", "py3", "py37", "py311", "py312", "cp27", "cp37", "cp32", "cp38", "cp310", "cp311", "cp313", "cp314", "cp3", "pp310", "pp3", "pp39", "py03", "cp1"]),
                lambda: r.choice(["none", "abi3", "abi3t", "cp27mu", "cp27m", "cp37m", "cp37", "cp38", "cp311", "cp311d", "cp313", "cp313t", "cp314", "pypy310_pp73", "pypy39_pp73"]),
                lambda: tag_of_platform(r),
            ][i]()
            parts[i] = {other} if r.random() < 0.6 else parts[i] | {other}
    text = "-".join(".".join(sorted(part)) for part in parts)
    return [python, platform, text, any(str(tag) in supported(python, platform) for tag in tags.parse_tag(text))]


def case_files(r):
    text = r.choice(["foo", "Foo_Bar", "a.b", "x_y.z", "A", "_a", "a__b", "\u00e9"])
    if r.random() < 0.6:
        text += "-" + version(r).replace("-", "_")
        if r.random() < 0.2:
            text += "-" + r.choice(["1", "2abc", "0_x", "x1", ""])
        text += "-" + r.choice(["py3", "py2.py3", "CP311", "cp311", "3", "py3."]) + "-" + r.choice(["none", "cp311", "abi3.cp37m"]) + "-" + r.choice(["any", "win_amd64", "manylinux_2_17_x86_64.manylinux2014_x86_64"]) + ".whl"
    else:
        text = text.replace("_", r.choice("_-")) + "-" + version(r) + r.choice([".tar.gz", ".zip", ".tar.gz", ".tgz", ".tar.bz2"])
    if r.random() < 0.2:
        text = broken(r, text, "-_. +")
    try:
        if text.endswith(".whl"):
            found, v, build, some = utils.parse_wheel_filename(text)
            return [text, found, str(v), text.split("-")[2] if build else "", sorted(map(str, some))]
        found, v = utils.parse_sdist_filename(text)
        return [text, found, str(v), "", []]
    except (utils.InvalidWheelFilename, utils.InvalidSdistFilename):
        return [text, None]


FIELDS = ["Metadata-Version", "Name", "Version", "Requires-Python", "Requires-Dist", "Provides-Extra", "Dynamic"]


def case_metadata(r):
    lines = []
    for _ in range(r.randint(1, 8)):
        field = cased(r, r.choice([*FIELDS, "Requires-Dist", "Requires-Dist", "Summary", "X-\u00e9" if r.random() < 0.1 else "X-y", "Name " if r.random() < 0.1 else "Name", ""]))
        text = r.choice(["2.1", "foo", "a>=1; extra == 'x'", "caf\u00e9", "x: y", "", " b ", ">=3.8", "Requires-Dist"])
        fold = r.choice(["", "", "", "", r.choice(["\n ", "\n\t  ", "\n        |"]) + r.choice(["more", "c: d", ""])])
        lines.append(field + ":" + r.choice([" ", " ", "", "\t ", "  "]) + text + fold)
    if r.random() < 0.2:
        lines.insert(r.randint(0, len(lines)), r.choice(["no field", " folded", "-", "\u00e9: x", "\tName: x"]))
    end = r.choice(["\n", "\n", "\r\n", "\r"])
    text = end.join(line.replace("\n", end) for line in lines) + r.choice(["", end, end + end + "Name: of the body" + end])
    raw, rest = metadata.parse_email(text.encode())
    answer = []
    for field in FIELDS:
        key = field.lower()
        value = raw.get(key.replace("-", "_"), rest.get(key, []))
        values = [value] if isinstance(value, str) else value
        answer.append([" ".join(line.strip(" \t") for line in value.splitlines()).strip(" \t") for value in values])
    return [text, answer]


KINDS = {
    # text, canonical form or null, whether it is a pre-release
    "versions": (case_versions, 900),
    # two versions, -1, 0 or 1
    "order": (case_order, 700),
    # conditions, a version, the conditions in canonical order or null, whether they name a
    # pre-release, whether the version fits with and without pre-releases taken
    "specifiers": (case_specifiers, 700),
    # conditions, versions, those that fit
    "filters": (case_filters, 200),
    # a name, normalised, whether it is valid
    "names": (case_names, 300),
    # a marker, which of ENVIRONMENTS, an extra, the marker in canonical form or null, what it is
    # there; null: undefined
    "markers": (case_markers, 350),
    # a requirement, in canonical form or null
    "requirements": (case_requirements, 500),
    # a Python, a platform, the tags of a wheel, whether it fits
    "tags": (case_tags, 600),
    # the name of a file, the project or null, the version, the build, the tags
    "files": (case_files, 300),
    # a document, the values of each of FIELDS
    "metadata": (case_metadata, 120),
}


def rows(kind, count, seed):
    r = random.Random(f"{kind} {seed}")
    print(json.dumps({"packaging": packaging.__version__, "environments": ENVIRONMENTS }))
    for _ in range(count):
        print(json.dumps(KINDS[kind][0](r), separators=(",", ":"), ensure_ascii=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.stdout.reconfigure(encoding="utf-8")
        rows(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        for kind, (_, count) in KINDS.items():
            with open(pathlib.Path(__file__).with_name(kind + ".jsonl"), "w", encoding="utf-8") as sys.stdout:
                rows(kind, count, 1)
