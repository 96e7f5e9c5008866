"""What Python's packaging library says about random cases: the tests' goldens.

    python golden.py             writes the golden files beside it, always the same ones
    python golden.py KIND N SEED writes N rows of one kind to standard output

Each file begins with a line that names the version of packaging. Each further line is one
case, an array in JSON: what was asked, then the answer. KINDS says what stands in it.
"""

import json
import pathlib
import random
import sys

import packaging
from packaging import version as versions
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


KINDS = {
    # text, canonical form or null, whether it is a pre-release
    "versions": (case_versions, 900),
    # two versions, -1, 0 or 1
    "order": (case_order, 700),
    # conditions, a version, the conditions in canonical order or null, whether they name a
    # pre-release, whether the version fits with and without pre-releases taken
    "specifiers": (case_specifiers, 1000),
    # conditions, versions, those that fit
    "filters": (case_filters, 200),
}


def rows(kind, count, seed):
    r = random.Random(f"{kind} {seed}")
    print(json.dumps({"packaging": packaging.__version__}))
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
