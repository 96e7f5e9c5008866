resource "aws_s3_bucket" "this" {
  bucket              = local.bucket
  force_destroy       = var.force_destroy
  object_lock_enabled = var.object_lock != null
  tags                = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

# Object Lock without a default retention: asof sets one on each object. A default would
# keep every version of the registers, which change.
resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.object_lock == null ? 0 : 1

  bucket = aws_s3_bucket.this.id

  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "abort-stale-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "expire-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  # Objects that change below a repo's path are rewritten by each publish. They never
  # get old enough to move.
  dynamic "rule" {
    for_each = var.cold_storage == null ? {} : local.bases

    content {
      id     = "old-trees-of-${replace(rule.key, "/", "-")}"
      status = "Enabled"

      filter {
        prefix = "${rule.value}/"
      }

      transition {
        days          = var.cold_storage.after_days
        storage_class = var.cold_storage.storage_class
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

locals {
  immutable_arns = [for path in concat(local.immutable, [".asof/repos/*/attempts/*", ".asof/repos/*/records/*", local.trees]) : "${local.bucket_arn}/${path}"]
  deleters       = concat(var.deleter_arns, local.has_janitor ? [local.janitor_arn] : [])

  bucket_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "TransportIsEncrypted"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
        {
          Sid       = "TransportIsModern"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:*"
          Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
          Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
        },
        {
          Sid       = "CDNReads"
          Effect    = "Allow"
          Principal = { Service = "cloudfront.amazonaws.com" }
          Action    = "s3:GetObject"
          Resource  = "${local.bucket_arn}/*"
          Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
        },
        {
          Sid       = "PrivateStaysPrivate"
          Effect    = "Deny"
          Principal = { Service = "cloudfront.amazonaws.com" }
          Action    = "s3:GetObject"
          Resource  = [for path in local.private : "${local.bucket_arn}/${path}"]
        },
        # Without deleters nobody may delete. Otherwise only they may, whatever other
        # policies allow.
        merge(
          {
            Sid       = "OnlyTheJanitorDeletes"
            Effect    = "Deny"
            Principal = "*"
            Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
            Resource  = "${local.bucket_arn}/*"
          },
          { for key, value in { Condition = { ArnNotLike = { "aws:PrincipalArn" = local.deleters } } } : key => value if length(local.deleters) > 0 },
        ),
        # What may be deleted is the janitor's to say, not that of whoever may publish.
        merge(
          {
            Sid       = "OnlyTheJanitorReleases"
            Effect    = "Deny"
            Principal = "*"
            Action    = "s3:PutObject"
            Resource  = "${local.bucket_arn}/.asof/janitor/*"
          },
          { for key, value in { Condition = { ArnNotLike = { "aws:PrincipalArn" = local.deleters } } } : key => value if length(local.deleters) > 0 },
        ),
      ],
      # s3:ObjectCreationOperation is true for requests that make an object: PutObject,
      # CopyObject, CompleteMultipartUpload. Requests that only start an upload carry
      # no condition, and pass.
      [for statement in [
        {
          Sid       = "ImmutableIsOnlyCreated"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = local.immutable_arns
          Condition = {
            Null = { "s3:if-none-match" = "true" }
            Bool = { "s3:ObjectCreationOperation" = "true" }
          }
        },
        {
          Sid       = "NoWriteIsUnconditional"
          Effect    = "Deny"
          Principal = "*"
          Action    = "s3:PutObject"
          Resource  = "${local.bucket_arn}/*"
          Condition = {
            Null = { "s3:if-none-match" = "true", "s3:if-match" = "true" }
            Bool = { "s3:ObjectCreationOperation" = "true" }
          }
        },
      ] : statement if var.enforce_conditional_writes],
    )
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode(local.bucket_policy)

  depends_on = [aws_s3_bucket_public_access_block.this]
}
