// Package s3core implements the object store contract with the S3 protocol. The
// drivers s3store and miniostore share it; they add only the client library.
//
// A driver reduces its library to an [API], in which each method is one request.
// The package decides which requests to make, with which conditions, and what the
// answers mean.
package s3core

import (
	"context"
	"crypto/sha256"
	"io"
	"iter"
	"time"

	"github.com/asof/asof/internal/objstore"
)

// API is an S3 client for one bucket. A call is one request; the library repeats
// it after a temporary failure. Errors are the library's own; Fault tells them
// apart.
type API interface {
	Put(ctx context.Context, in PutInput) (PutOutput, error)
	Get(ctx context.Context, in GetInput) (GetOutput, error)
	Head(ctx context.Context, key string) (HeadOutput, error)
	// Delete deletes one version of an object. In a bucket without versions,
	// version is empty and it deletes the object. It never asks to bypass a
	// retention.
	Delete(ctx context.Context, key, version string) error
	Copy(ctx context.Context, in CopyInput) error
	// List yields the objects that sort after after, 1,000 per request.
	List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error]
	HeadBucket(ctx context.Context) error
	// Sign returns a URL that allows a GET of the object until ttl is over. It
	// makes no request to the bucket.
	Sign(ctx context.Context, key string, ttl time.Duration) (string, error)

	// A multipart upload. Only its last request takes a condition, always
	// If-None-Match: *. Parts are numbered from 1.
	StartUpload(ctx context.Context, key string, attr Attributes) (id string, err error)
	PutPart(ctx context.Context, up Upload, part PartInput) (Part, error)
	CopyPart(ctx context.Context, up Upload, number int, src string, offset, length int64) (Part, error)
	FinishUpload(ctx context.Context, up Upload, parts []Part) error
	AbortUpload(ctx context.Context, up Upload) error

	// Fault extracts what the server said. It is false if the error is not an
	// answer of the server.
	Fault(err error) (Fault, bool)
}

// Attributes are stored with an object. LockMode and LockUntil are its retention,
// in S3's words (GOVERNANCE, COMPLIANCE); empty: none. For a body that is to be
// retained, S3 wants another digest in a header besides the signed one.
type Attributes struct {
	objstore.Attributes
	LockMode  string
	LockUntil time.Time
}

// PutInput is a PutObject request.
type PutInput struct {
	Key    string
	Body   io.ReadSeeker // nil if Size is 0
	Size   int64
	SHA256 [sha256.Size]byte // to be signed; the server verifies it
	Attr   Attributes

	IfMatch string // an unquoted ETag; empty: If-None-Match: *
}

// PutOutput is the answer to PutInput. Version is empty in a bucket without
// versions.
type PutOutput struct {
	ETag    string // unquoted
	Version string
}

// CopyInput is a CopyObject request. It replaces the source's metadata by Attr.
type CopyInput struct {
	Src, Dst string
	Attr     Attributes
	IfMatch  string // an unquoted ETag that the source must have; empty: any
	OnlyNew  bool   // If-None-Match: * on Dst
}

// HeadOutput is the answer to a HeadObject request.
type HeadOutput struct {
	objstore.Info
	Headers   objstore.Headers
	LockMode  string    // in S3's words; empty as LockUntil is
	Version   string    // empty in a bucket without versions
	LockUntil time.Time // zero if not retained, or if the caller may not know
}

// GetInput is a GetObject request.
type GetInput struct {
	Key         string
	Range       string // empty: none
	IfNoneMatch string // an unquoted ETag; empty: none
}

// GetOutput is the answer to GetInput. The caller closes Body.
type GetOutput struct {
	Body         io.ReadCloser
	Size         int64 // of Body, -1 if unknown
	ETag         string
	ContentRange string
	Headers      objstore.Headers
	Version      string // empty in a bucket without versions
}

// Unsigned is the hash, in a request's signature, of a body that is not hashed.
const Unsigned = "UNSIGNED-PAYLOAD"

// Upload names a multipart upload.
type Upload struct {
	Key, ID string
}

// PartInput is an UploadPart request.
type PartInput struct {
	Number int
	Body   io.ReadSeeker
	Size   int64
	Hash   string // to be signed: the SHA-256 in hexadecimal, or Unsigned
	MD5    string // the value of Content-MD5; empty: none
}

// Part is an uploaded part.
type Part struct {
	Number int
	ETag   string
}

// Fault is an error answer of an S3 server.
type Fault struct {
	Status  int    // HTTP status
	Code    string // S3's code; may be empty for answers to HEAD
	Message string
	Region  string // the bucket's, if the server says; empty: it does not
	// Unsigned: no credentials were found.
	Unsigned bool
}
