package miniostore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// api is minio-go as an s3core.API. It uses the library's Core, because the
// high-level client sends conditions with every request of a multipart upload.
type api struct {
	core   *minio.Core
	bucket string
	creds  *credentials.Credentials
}

var _ s3core.API = (*api)(nil)

// putOptions returns the attributes in the library's form. They turn its hashing off:
// over plain HTTP it would hash the body although the hash is given.
func putOptions(attr s3core.Attributes) minio.PutObjectOptions {
	return minio.PutObjectOptions{
		ContentType:          attr.ContentType, // empty: application/octet-stream
		CacheControl:         attr.CacheControl,
		Mode:                 minio.RetentionMode(attr.LockMode),
		RetainUntilDate:      attr.LockUntil,
		DisableContentSha256: true,
	}
}

func (a *api) Put(ctx context.Context, in s3core.PutInput) (s3core.PutOutput, error) {
	opts := putOptions(in.Attr)
	if in.IfMatch == "" {
		opts.SetMatchETagExcept("*")
	} else {
		opts.SetMatchETag(in.IfMatch)
	}
	if in.Attr.LockMode != "" {
		opts.UserMetadata = map[string]string{"X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(in.SHA256[:])}
	}
	var body io.Reader
	if in.Body != nil {
		body = in.Body
	} else {
		body = bytes.NewReader(nil)
	}
	info, err := a.core.PutObject(ctx, a.bucket, in.Key, body, in.Size, "", hex.EncodeToString(in.SHA256[:]), opts)
	return s3core.PutOutput{ETag: info.ETag, Version: info.VersionID}, err
}

func (a *api) Get(ctx context.Context, in s3core.GetInput) (s3core.GetOutput, error) {
	var opts minio.GetObjectOptions
	if in.Range != "" {
		opts.Set("Range", in.Range)
	}
	if in.IfNoneMatch != "" {
		if err := opts.SetMatchETagExcept(in.IfNoneMatch); err != nil {
			return s3core.GetOutput{}, err
		}
	}
	body, info, header, err := a.core.GetObject(ctx, a.bucket, in.Key, opts)
	if err != nil {
		return s3core.GetOutput{}, err
	}
	return s3core.GetOutput{
		Body: body, Size: info.Size, ETag: info.ETag, ContentRange: header.Get("Content-Range"), Version: info.VersionID,
		Headers: headers(header, info.ETag),
	}, nil
}

func (a *api) Sign(ctx context.Context, key string, ttl time.Duration) (string, error) {
	u, err := a.core.PresignedGetObject(ctx, a.bucket, key, ttl, nil)
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

func (a *api) Head(ctx context.Context, key string) (s3core.HeadOutput, error) {
	info, err := a.core.StatObject(ctx, a.bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return s3core.HeadOutput{}, err
	}
	out := s3core.HeadOutput{
		Info:     objstore.Info{Key: key, Size: info.Size, Modified: info.LastModified},
		Headers:  headers(info.Metadata, info.ETag),
		Version:  info.VersionID,
		LockMode: info.Metadata.Get("X-Amz-Object-Lock-Mode"),
	}
	out.Headers.ContentType = info.ContentType
	if until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")); err == nil {
		out.LockUntil = until
	}
	return out, nil
}

func (a *api) HeadBucket(ctx context.Context) error {
	there, err := a.core.BucketExists(ctx, a.bucket)
	if err == nil && !there {
		return minio.ErrorResponse{StatusCode: 404, Code: minio.NoSuchBucket}
	}
	return err
}

func (a *api) Delete(ctx context.Context, key, version string) error {
	return a.core.RemoveObject(ctx, a.bucket, key, minio.RemoveObjectOptions{VersionID: version})
}

// headers reads an answer's.
func headers(answer http.Header, etag string) objstore.Headers {
	return objstore.Headers{
		Attributes:         objstore.Attributes{ContentType: answer.Get("Content-Type"), CacheControl: answer.Get("Cache-Control")},
		ContentEncoding:    answer.Get("Content-Encoding"),
		ContentDisposition: answer.Get("Content-Disposition"),
		ContentLanguage:    answer.Get("Content-Language"),
		Version:            objstore.Version(etag),
	}
}

func (a *api) Copy(ctx context.Context, in s3core.CopyInput) error {
	attr := in.Attr
	header := map[string]string{"X-Amz-Metadata-Directive": "REPLACE", "Content-Type": "application/octet-stream"}
	if attr.ContentType != "" {
		header["Content-Type"] = attr.ContentType
	}
	if attr.CacheControl != "" {
		header["Cache-Control"] = attr.CacheControl
	}
	if attr.LockMode != "" {
		header["X-Amz-Object-Lock-Mode"] = attr.LockMode
		header["X-Amz-Object-Lock-Retain-Until-Date"] = attr.LockUntil.Format(time.RFC3339)
	}
	if in.OnlyNew {
		header["If-None-Match"] = "*"
	}
	if in.IfMatch != "" {
		header["X-Amz-Copy-Source-If-Match"] = `"` + in.IfMatch + `"`
	}
	_, err := a.core.CopyObject(ctx, a.bucket, in.Src, a.bucket, in.Dst, header, minio.CopySrcOptions{}, minio.PutObjectOptions{})
	return err
}

func (a *api) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	owner := false
	return func(yield func(objstore.Info, error) bool) {
		// Not Core.ListObjectsV2, which takes no context.
		for o := range a.core.ListObjectsIter(ctx, a.bucket, minio.ListObjectsOptions{
			Prefix: prefix, StartAfter: after, Recursive: true, MaxKeys: 1000, FetchOwner: &owner,
		}) {
			if !yield(objstore.Info{Key: o.Key, Size: o.Size, Modified: o.LastModified}, o.Err) || o.Err != nil {
				return
			}
		}
	}
}

func (a *api) StartUpload(ctx context.Context, key string, attr s3core.Attributes) (string, error) {
	return a.core.NewMultipartUpload(ctx, a.bucket, key, putOptions(attr))
}

func (a *api) PutPart(ctx context.Context, up s3core.Upload, part s3core.PartInput) (s3core.Part, error) {
	opts := minio.PutObjectPartOptions{Sha256Hex: part.Hash, Md5Base64: part.MD5, DisableContentSha256: true}
	out, err := a.core.PutObjectPart(ctx, a.bucket, up.Key, up.ID, part.Number, part.Body, part.Size, opts)
	return s3core.Part{Number: part.Number, ETag: out.ETag}, err
}

func (a *api) CopyPart(ctx context.Context, up s3core.Upload, number int, src string, offset, length int64) (s3core.Part, error) {
	part, err := a.core.CopyObjectPart(ctx, a.bucket, src, a.bucket, up.Key, up.ID, number, offset, length, nil)
	return s3core.Part{Number: number, ETag: strings.Trim(part.ETag, `"`)}, err
}

func (a *api) FinishUpload(ctx context.Context, up s3core.Upload, parts []s3core.Part) error {
	done := make([]minio.CompletePart, len(parts))
	for i, p := range parts {
		done[i] = minio.CompletePart{PartNumber: p.Number, ETag: p.ETag}
	}
	var opts minio.PutObjectOptions
	opts.SetMatchETagExcept("*")
	_, err := a.core.CompleteMultipartUpload(ctx, a.bucket, up.Key, up.ID, done, opts)
	return err
}

func (a *api) AbortUpload(ctx context.Context, up s3core.Upload) error {
	return a.core.AbortMultipartUpload(ctx, a.bucket, up.Key, up.ID)
}

func (a *api) Fault(err error) (s3core.Fault, bool) {
	said, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok || said.StatusCode == 0 && said.Code == "" {
		return s3core.Fault{}, false
	}
	f := s3core.Fault{Status: said.StatusCode, Code: said.Code, Message: said.Message, Region: said.Region}
	if f.Status == 403 {
		value, err := a.creds.GetWithContext(a.core.CredContext())
		f.Unsigned = err == nil && value.SignerType.IsAnonymous()
	}
	return f, true
}
