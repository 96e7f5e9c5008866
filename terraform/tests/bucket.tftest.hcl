# The bucket and its policy.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name            = "packages"
  viewer_function = "tests/viewer.js"
  resolver_zip    = "tests/resolver.zip"
}

run "defaults" {
  assert {
    condition     = aws_s3_bucket.this.bucket == "packages-123456789012" && output.bucket == aws_s3_bucket.this.id
    error_message = "the bucket is called by name and account"
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "all public access is blocked"
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ownership is enforced"
  }

  assert {
    condition     = one(aws_s3_bucket_versioning.this.versioning_configuration).status == "Enabled"
    error_message = "the bucket keeps versions"
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "SSE-S3 without a key"
  }

  assert {
    condition     = !aws_s3_bucket.this.object_lock_enabled && length(aws_s3_bucket_object_lock_configuration.this) == 0 && !aws_s3_bucket.this.force_destroy
    error_message = "no Object Lock and no force_destroy unless asked for"
  }

  assert {
    condition     = [for r in aws_s3_bucket_lifecycle_configuration.this.rule : r.id] == ["abort-stale-uploads", "expire-old-versions"] && aws_s3_bucket_lifecycle_configuration.this.rule[0].abort_incomplete_multipart_upload[0].days_after_initiation == 7
    error_message = "stale uploads are aborted, old versions expire, nothing moves"
  }

  # The policy.

  assert {
    condition = alltrue([
      for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement :
      s.Effect == "Deny" || s.Principal != "*" && try(s.Principal.AWS, "") != "*"
    ])
    error_message = "no principal that is allowed something is public"
  }

  assert {
    condition = [for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : {
      what = s.Action, who = s.Principal, when = s.Condition
      } if s.Effect == "Allow"] == [{
      what = "s3:GetObject"
      who  = { Service = "cloudfront.amazonaws.com" }
      when = { StringEquals = { "aws:SourceArn" = "arn:aws:cloudfront::123456789012:distribution/E2EXAMPLE" } }
    }]
    error_message = "this CDN alone is allowed, and to get alone"
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Resource if s.Sid == "PrivateStaysPrivate" && s.Effect == "Deny"]) == [
      "arn:aws:s3:::packages-123456789012/asof.json",
      "arn:aws:s3:::packages-123456789012/.asof/repos/*",
      "arn:aws:s3:::packages-123456789012/.asof/pins/*",
      "arn:aws:s3:::packages-123456789012/.asof/janitor/*",
      "arn:aws:s3:::packages-123456789012/.asof/rollout/*",
    ]
    error_message = "the CDN can't read what is private"
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : {
      effect = s.Effect, who = s.Principal, what = s.Action, where = s.Resource, when = s.Condition
      } if s.Sid == "ImmutableIsOnlyCreated"]) == {
      effect = "Deny", who = "*", what = "s3:PutObject"
      where = [
        "arn:aws:s3:::packages-123456789012/.asof/pool/*",
        "arn:aws:s3:::packages-123456789012/.asof/manifests/*",
        "arn:aws:s3:::packages-123456789012/.asof/segments/*",
        "arn:aws:s3:::packages-123456789012/.asof/repos/*/attempts/*",
        "arn:aws:s3:::packages-123456789012/.asof/repos/*/records/*",
        "arn:aws:s3:::packages-123456789012/*/????????T??????Z/*",
      ]
      when = { Null = { "s3:if-none-match" = "true" }, Bool = { "s3:ObjectCreationOperation" = "true" } }
    }
    error_message = "what is immutable is only created, never overwritten"
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : {
      effect = s.Effect, who = s.Principal, what = s.Action, where = s.Resource, when = s.Condition
      } if s.Sid == "NoWriteIsUnconditional"]) == {
      effect = "Deny", who = "*", what = "s3:PutObject", where = "arn:aws:s3:::packages-123456789012/*"
      when   = { Null = { "s3:if-none-match" = "true", "s3:if-match" = "true" }, Bool = { "s3:ObjectCreationOperation" = "true" } }
    }
    error_message = "no write is unconditional"
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "OnlyTheJanitorDeletes"]) == {
      Sid      = "OnlyTheJanitorDeletes", Effect = "Deny", Principal = "*"
      Action   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
      Resource = "arn:aws:s3:::packages-123456789012/*"
    }
    error_message = "without a janitor nobody deletes"
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if s.Sid == "OnlyTheJanitorReleases"]) == {
      Sid      = "OnlyTheJanitorReleases", Effect = "Deny", Principal = "*"
      Action   = "s3:PutObject"
      Resource = "arn:aws:s3:::packages-123456789012/.asof/janitor/*"
    }
    error_message = "without a janitor nobody says what may be deleted"
  }

  assert {
    condition     = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Condition if s.Sid == "TransportIsEncrypted" && s.Effect == "Deny" && s.Action == "s3:*"]) == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "TLS only"
  }
}

run "janitor" {
  variables {
    janitor_subjects = ["repo:org/name:environment:janitor"]
    deleter_arns     = ["arn:aws:iam::123456789012:role/admin"]
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Condition if s.Sid == "OnlyTheJanitorDeletes"]) == {
      ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/admin", "arn:aws:iam::123456789012:role/packages-janitor"] }
    }
    error_message = "the janitor, and who is named, may delete"
  }

  assert {
    condition = one([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s.Condition if s.Sid == "OnlyTheJanitorReleases"]) == {
      ArnNotLike = { "aws:PrincipalArn" = ["arn:aws:iam::123456789012:role/admin", "arn:aws:iam::123456789012:role/packages-janitor"] }
    }
    error_message = "the janitor, and who is named, may say what may be deleted"
  }

  assert {
    condition     = aws_iam_role.janitor[0].name == "packages-janitor"
    error_message = "the role has the name that the bucket's policy lets through"
  }
}

run "locked" {
  variables {
    object_lock = { mode = "compliance", days = 30 }
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && length(aws_s3_bucket_object_lock_configuration.this) == 1
    error_message = "the bucket has Object Lock"
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this[0].rule) == 0
    error_message = "there is no default retention, which would keep every version of the registers"
  }

  assert {
    condition     = yamldecode(output.asof_yaml).retention == { mode = "compliance", days = 30 }
    error_message = "asof.yaml asks for the retention"
  }
}

run "encrypted_and_cold" {
  variables {
    bucket_name                = "other"
    kms_key_arn                = "arn:aws:kms:eu-west-1:123456789012:key/0000"
    enforce_conditional_writes = false
    noncurrent_days            = 3
    cold_storage               = { after_days = 90, storage_class = "GLACIER_IR" }
    repos                      = [{ name = "jammy", path = "ubuntu/jammy", remote = { type = "file", url = "https://up.example.org/PULP_MANIFEST" } }]
  }

  assert {
    condition = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default) == {
      sse_algorithm = "aws:kms", kms_master_key_id = "arn:aws:kms:eu-west-1:123456789012:key/0000"
    } && one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
    error_message = "SSE-KMS, with a bucket key"
  }

  assert {
    condition     = jsondecode(output.kms_key_statement).Condition.StringEquals["aws:SourceArn"] == "arn:aws:cloudfront::123456789012:distribution/E2EXAMPLE"
    error_message = "the key's owner is told what the CDN needs"
  }

  assert {
    condition = {
      prefix = aws_s3_bucket_lifecycle_configuration.this.rule[2].filter[0].prefix
      days   = one(aws_s3_bucket_lifecycle_configuration.this.rule[2].transition).days
      class  = one(aws_s3_bucket_lifecycle_configuration.this.rule[2].transition).storage_class
    } == { prefix = "ubuntu/jammy/", days = 90, class = "GLACIER_IR" }
    error_message = "old trees move"
  }

  assert {
    condition     = length([for s in jsondecode(aws_s3_bucket_policy.this.policy).Statement : s if can(s.Condition.Null)]) == 0
    error_message = "conditional writes are not enforced if not wanted"
  }
}
