// Package s3core is the object store contract on top of the S3 protocol: what
// the drivers s3store and miniostore share, which is all but the client library.
//
// A driver reduces its library to an [API], in which a method is a request; the
// package decides which requests to make, with which conditions, and what their
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

// API is an S3 client for one bucket. A call is one request, repeated by the
// library where it failed for a passing reason. Errors are the library's own;
// Fault tells them apart.
type API interface {
	Put(ctx context.Context, in PutInput) (PutOutput, error)
	Get(ctx context.Context, in GetInput) (GetOutput, error)
	Head(ctx context.Context, key string) (HeadOutput, error)
	// Delete deletes one version of an object; of a bucket without versions, with
	// version empty, the object. It never asks to bypass a retention.
	Delete(ctx context.Context, key, version string) error
	// Copy replaces the source's metadata by attr. With onlyNew it asks for
	// If-None-Match on dst.
	Copy(ctx context.Context, src, dst string, attr Attributes, onlyNew bool) error
	// List yields the objects behind after, 1,000 a request.
	List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error]
	HeadBucket(ctx context.Context) error
	// Sign is a URL that stands for a GET of the object until ttl is over. It
	// makes no request to the bucket.
	Sign(ctx context.Context, key string, ttl time.Duration) (string, error)

	// A multipart upload. None of its requests but the last takes a condition,
	// which is always If-None-Match: *. Parts are numbered from 1.
	StartUpload(ctx context.Context, key string, attr Attributes) (id string, err error)
	PutPart(ctx context.Context, up Upload, part PartInput) (Part, error)
	CopyPart(ctx context.Context, up Upload, number int, src string, offset, length int64) (Part, error)
	FinishUpload(ctx context.Context, up Upload, parts []Part) error
	AbortUpload(ctx context.Context, up Upload) error

	// Fault extracts what the server said. It is false for errors that are no
	// answer of the server.
	Fault(err error) (Fault, bool)
}

// Attributes are stored with an object. LockMode and LockUntil are its retention,
// in S3's words (GOVERNANCE, COMPLIANCE); empty: none. S3 takes a body to be
// retained only with a digest in a header besides the signed one.
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
	SHA256 [sha256.Size]byte // to be signed, so that the server verifies it
	Attr   Attributes

	IfMatch string // an unquoted ETag; empty: If-None-Match: *
}

// PutOutput is the answer to it. In a bucket without versions Version is empty.
type PutOutput struct {
	ETag    string // unquoted
	Version string
}

// HeadOutput is the answer to a HeadObject request.
type HeadOutput struct {
	objstore.Info
	Version   string    // empty in a bucket without versions
	LockUntil time.Time // zero if it is not retained, or if one may not know
}

// GetInput is a GetObject request.
type GetInput struct {
	Key         string
	Range       string // empty: none
	IfNoneMatch string // an unquoted ETag; empty: none
}

// GetOutput is the answer to it. The caller closes Body.
type GetOutput struct {
	Body         io.ReadCloser
	Size         int64 // of Body, -1 if unknown
	ETag         string
	ContentRange string
	Version      string // empty in a bucket without versions
}

// Unsigned stands in a request's signature for a body that is not hashed.
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
}
