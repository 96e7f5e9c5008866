package manifest

import (
	"path"
	"strings"
)

// Kind is a kind of object in a store. This file defines the attributes of each.
type Kind uint8

const (
	KindRegistry   Kind = iota // asof.json
	KindIndex                  // a checkpoint index
	KindList                   // a page that lists a repo's checkpoints or the store's repos
	KindFile                   // a file of upstream in a tree
	KindPage                   // a listing page, or another file of asof's own, in a tree
	KindBlob                   // a blob in the pool
	KindManifest               // a manifest: its root and leaves
	KindSegment                // a sealed stretch of a checkpoint index
	KindStaged                 // a staged revision
	KindJournal                // the journal of a sync
	KindAttempt                // the claim of an id
	KindGroup                  // a publish of several repos at one id
	KindPin                    // a list of objects that a publisher is about to rely on
	KindValidators             // upstream's validators, to ask whether its root documents changed
	KindRecord                 // a copy of a register, as a change left it
	KindNote                   // what the janitor knows of a repo's history
	KindRollout                // the register of rings
	KindNotice                 // a list of what a collection is about to delete without a grace period
	kinds
)

// Kinds is the number of kinds: they are 0 to Kinds-1.
const Kinds = int(kinds)

// Cache-Control values. Every other one that asof sends derives from one of
// these.
const (
	CacheImmutable = "public, max-age=31536000, immutable"
	// CachePage is for pages. A shared cache keeps them for a year. A private one asks again
	// each time: some clients keep a page under the moving name that led to it, and would never
	// see that the name has moved.
	CachePage  = "public, max-age=0, s-maxage=31536000, must-revalidate"
	CacheShort = "public, max-age=10"
	CacheNever = "no-store"
)

// Mutable reports whether objects of the kind change, by compare-and-swap. All
// others are only ever created (invariant 2).
func (k Kind) Mutable() bool {
	switch k {
	case KindRegistry, KindIndex, KindList, KindStaged, KindGroup, KindValidators, KindJournal, KindNote, KindRollout:
		return true
	}
	return false
}

// CacheControl returns the Cache-Control of an object of the kind. name is the file's path;
// only KindFile and KindPage use it.
func (k Kind) CacheControl(name string) string {
	switch k {
	case KindFile, KindPage:
		if IsPage(name) {
			return CachePage
		}
	case KindStaged, KindGroup, KindJournal, KindAttempt, KindPin, KindRegistry, KindRecord, KindValidators, KindNote, KindRollout, KindNotice:
		return CacheNever
	case KindIndex, KindList:
		return CacheShort
	}
	return CacheImmutable
}

// KeptCacheControl reports whether an object of the kind may keep the Cache-Control that it has:
// its own, or the one that earlier versions of asof gave it.
func (k Kind) KeptCacheControl(name, have string) bool {
	want := k.CacheControl(name)
	return have == want || want == CachePage && have == CacheImmutable
}

// ContentType returns the media type of an object of the kind. name is the file's
// path; only KindFile and KindPage use it.
func (k Kind) ContentType(name string) string {
	switch k {
	case KindRegistry, KindIndex, KindSegment, KindStaged, KindGroup, KindRecord, KindValidators, KindNote, KindRollout:
		return "application/json"
	case KindPage:
		if strings.HasPrefix(name, GeneratedDir) {
			return typeOf(name)
		}
		return typeHTML
	case KindList:
		return typeHTML
	case KindManifest, KindAttempt, KindJournal, KindPin, KindNotice:
		return typeText
	case KindFile:
		return typeOf(name)
	}
	return typeBinary
}

const (
	typeHTML   = "text/html; charset=utf-8"
	typeText   = "text/plain; charset=utf-8"
	typeBinary = "application/octet-stream"
)

// typeOf returns the media type of an upstream file by its name. asof has its own
// table, so that every machine gives the same answer. Compressed files have their
// own types and never a Content-Encoding: clients get upstream's bytes.
func typeOf(name string) string {
	base := path.Base(name)
	switch base {
	case "InRelease", "Release", "Packages", "Sources", "PULP_MANIFEST", "SHA256SUMS", "MD5SUMS", "README", "LICENSE":
		return typeText
	case VariantPage:
		return VariantType
	}
	switch strings.ToLower(path.Ext(base)) {
	case ".html", ".htm":
		return typeHTML
	case ".txt", ".log", ".md", ".csv", ".dsc", ".changes", ".sha256", ".repo", ".sources", ".list", ".asc":
		return typeText
	case ".json":
		return "application/json"
	case ".xml":
		return "application/xml"
	case ".yaml", ".yml":
		return "application/yaml"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".pdf":
		return "application/pdf"
	case ".gz", ".tgz":
		return "application/gzip"
	case ".xz":
		return "application/x-xz"
	case ".bz2":
		return "application/x-bzip2"
	case ".zst":
		return "application/zstd"
	case ".zip", ".whl":
		return "application/zip"
	case ".tar":
		return "application/x-tar"
	case ".deb", ".udeb", ".ddeb":
		return "application/vnd.debian.binary-package"
	case ".rpm", ".drpm":
		return "application/x-rpm"
	case ".sig", ".gpg":
		return "application/pgp-signature"
	}
	return typeBinary
}
