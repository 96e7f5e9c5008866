package s3store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/asof/asof/internal/objstore"
	"github.com/asof/asof/internal/objstore/internal/s3core"
)

// api is aws-sdk-go-v2 as an s3core.API.
type api struct {
	client   *s3.Client
	bucket   *string
	checksum bool // send a checksum for S3 to keep with the object
}

var _ s3core.API = (*api)(nil)

type knownHashKey struct{}

// withHash sets the hash to sign for a request's body: its SHA-256, or Unsigned.
// Without it the SDK would read the body twice.
func withHash(ctx context.Context, hash string) context.Context {
	return context.WithValue(ctx, knownHashKey{}, hash)
}

// signKnownHash passes that hash to the SDK's signer.
func signKnownHash(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("asof.KnownHash",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			if hash, ok := ctx.Value(knownHashKey{}).(string); ok {
				ctx = v4.SetPayloadHash(ctx, hash)
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}

func (a *api) Put(ctx context.Context, in s3core.PutInput) (s3core.PutOutput, error) {
	req := &s3.PutObjectInput{
		Bucket:        a.bucket,
		Key:           &in.Key,
		ContentLength: &in.Size,
		ContentType:   contentType(in.Attr),
		CacheControl:  optional(in.Attr.CacheControl),
		IfMatch:       quoted(in.IfMatch),

		ObjectLockMode:            types.ObjectLockMode(in.Attr.LockMode),
		ObjectLockRetainUntilDate: lockUntil(in.Attr),
	}
	if in.Body != nil {
		req.Body = in.Body
	}
	if in.IfMatch == "" {
		req.IfNoneMatch = aws.String("*")
	}
	if a.checksum || in.Attr.LockMode != "" {
		req.ChecksumSHA256 = aws.String(base64.StdEncoding.EncodeToString(in.SHA256[:]))
	}
	out, err := a.client.PutObject(withHash(ctx, hex.EncodeToString(in.SHA256[:])), req)
	if err != nil {
		return s3core.PutOutput{}, err
	}
	return s3core.PutOutput{ETag: unquoted(out.ETag), Version: aws.ToString(out.VersionId)}, nil
}

func (a *api) Get(ctx context.Context, in s3core.GetInput) (s3core.GetOutput, error) {
	out, err := a.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket:      a.bucket,
		Key:         &in.Key,
		Range:       optional(in.Range),
		IfNoneMatch: quoted(in.IfNoneMatch),
	})
	if err != nil {
		return s3core.GetOutput{}, err
	}
	size := int64(-1)
	if out.ContentLength != nil {
		size = *out.ContentLength
	}
	return s3core.GetOutput{
		Body: out.Body, Size: size, ETag: unquoted(out.ETag), ContentRange: aws.ToString(out.ContentRange), Version: aws.ToString(out.VersionId),
		Headers: headers(out.ContentType, out.CacheControl, out.ContentEncoding, out.ContentDisposition, out.ContentLanguage, out.ETag),
	}, nil
}

func (a *api) Sign(ctx context.Context, key string, ttl time.Duration) (string, error) {
	out, err := s3.NewPresignClient(a.client, s3.WithPresignExpires(ttl)).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: a.bucket, Key: &key})
	if err != nil {
		return "", err
	}
	return out.URL, nil
}

func (a *api) Head(ctx context.Context, key string) (s3core.HeadOutput, error) {
	out, err := a.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: a.bucket, Key: &key})
	if err != nil {
		return s3core.HeadOutput{}, err
	}
	return s3core.HeadOutput{
		Info:      objstore.Info{Key: key, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified)},
		Headers:   headers(out.ContentType, out.CacheControl, out.ContentEncoding, out.ContentDisposition, out.ContentLanguage, out.ETag),
		Version:   aws.ToString(out.VersionId),
		LockMode:  string(out.ObjectLockMode),
		LockUntil: aws.ToTime(out.ObjectLockRetainUntilDate),
	}, nil
}

func (a *api) HeadBucket(ctx context.Context) error {
	_, err := a.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: a.bucket})
	return err
}

func (a *api) Delete(ctx context.Context, key, version string) error {
	_, err := a.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: a.bucket, Key: &key, VersionId: optional(version)})
	return err
}

func (a *api) Copy(ctx context.Context, in s3core.CopyInput) error {
	req := &s3.CopyObjectInput{
		Bucket:            a.bucket,
		Key:               &in.Dst,
		CopySource:        a.copySource(in.Src),
		CopySourceIfMatch: quoted(in.IfMatch),
		MetadataDirective: types.MetadataDirectiveReplace,
		ContentType:       contentType(in.Attr),
		CacheControl:      optional(in.Attr.CacheControl),

		ObjectLockMode:            types.ObjectLockMode(in.Attr.LockMode),
		ObjectLockRetainUntilDate: lockUntil(in.Attr),
	}
	if in.OnlyNew {
		req.IfNoneMatch = aws.String("*")
	}
	_, err := a.client.CopyObject(ctx, req)
	return err
}

func (a *api) List(ctx context.Context, prefix, after string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		pages := s3.NewListObjectsV2Paginator(a.client, &s3.ListObjectsV2Input{
			Bucket:       a.bucket,
			Prefix:       optional(prefix),
			StartAfter:   optional(after),
			EncodingType: types.EncodingTypeUrl, // else not every key survives XML
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(objstore.Info{}, err)
				return
			}
			for _, o := range page.Contents {
				key := aws.ToString(o.Key)
				if page.EncodingType == types.EncodingTypeUrl { // the SDK leaves that to its callers
					if key, err = url.QueryUnescape(key); err != nil {
						yield(objstore.Info{}, fmt.Errorf("a key in the listing: %w", err))
						return
					}
				}
				if !yield(objstore.Info{Key: key, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}, nil) {
					return
				}
			}
		}
	}
}

func (a *api) StartUpload(ctx context.Context, key string, attr s3core.Attributes) (string, error) {
	out, err := a.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket:       a.bucket,
		Key:          &key,
		ContentType:  contentType(attr),
		CacheControl: optional(attr.CacheControl),

		ObjectLockMode:            types.ObjectLockMode(attr.LockMode),
		ObjectLockRetainUntilDate: lockUntil(attr),
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.UploadId), nil
}

func (a *api) PutPart(ctx context.Context, up s3core.Upload, part s3core.PartInput) (s3core.Part, error) {
	out, err := a.client.UploadPart(withHash(ctx, part.Hash), &s3.UploadPartInput{
		Bucket:        a.bucket,
		Key:           &up.Key,
		UploadId:      &up.ID,
		PartNumber:    aws.Int32(int32(part.Number)),
		ContentLength: &part.Size,
		ContentMD5:    optional(part.MD5),
		Body:          part.Body,
	})
	if err != nil {
		return s3core.Part{}, err
	}
	return s3core.Part{Number: part.Number, ETag: unquoted(out.ETag)}, nil
}

func (a *api) CopyPart(ctx context.Context, up s3core.Upload, number int, src string, offset, length int64) (s3core.Part, error) {
	out, err := a.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
		Bucket:          a.bucket,
		Key:             &up.Key,
		UploadId:        &up.ID,
		PartNumber:      aws.Int32(int32(number)),
		CopySource:      a.copySource(src),
		CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)),
	})
	if err != nil {
		return s3core.Part{}, err
	}
	return s3core.Part{Number: number, ETag: unquoted(out.CopyPartResult.ETag)}, nil
}

func (a *api) FinishUpload(ctx context.Context, up s3core.Upload, parts []s3core.Part) error {
	done := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		done[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: quoted(p.ETag)}
	}
	_, err := a.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket:          a.bucket,
		Key:             &up.Key,
		UploadId:        &up.ID,
		IfNoneMatch:     aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	})
	return err
}

func (a *api) AbortUpload(ctx context.Context, up s3core.Upload) error {
	_, err := a.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: a.bucket, Key: &up.Key, UploadId: &up.ID})
	return err
}

func (a *api) Fault(err error) (s3core.Fault, bool) {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.Response == nil || response.HTTPStatusCode() == 0 {
		return s3core.Fault{}, false
	}
	f := s3core.Fault{Status: response.HTTPStatusCode(), Region: response.Response.Header.Get("X-Amz-Bucket-Region")}
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		f.Code, f.Message = said.ErrorCode(), said.ErrorMessage()
	}
	// A successful answer that could not be read to its end does not count as
	// one.
	return f, f.Code != "" || f.Status >= 300
}

// copySource returns the x-amz-copy-source of a key, escaped as a header must be.
func (a *api) copySource(key string) *string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		// Not PathEscape: it leaves "+" alone, which some servers read as a space.
		segments[i] = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	}
	return aws.String(*a.bucket + "/" + strings.Join(segments, "/"))
}

func lockUntil(attr s3core.Attributes) *time.Time {
	if attr.LockMode == "" {
		return nil
	}
	return &attr.LockUntil
}

func contentType(attr s3core.Attributes) *string {
	if attr.ContentType == "" {
		return aws.String("application/octet-stream")
	}
	return &attr.ContentType
}

// optional returns nil for the empty string, which sends no header.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	return aws.String(`"` + etag + `"`)
}

func headers(contentType, cacheControl, encoding, disposition, language, etag *string) objstore.Headers {
	return objstore.Headers{
		Attributes:         objstore.Attributes{ContentType: aws.ToString(contentType), CacheControl: aws.ToString(cacheControl)},
		ContentEncoding:    aws.ToString(encoding),
		ContentDisposition: aws.ToString(disposition),
		ContentLanguage:    aws.ToString(language),
		Version:            objstore.Version(unquoted(etag)),
	}
}

func unquoted(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }
