# Who may do what.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name               = "packages"
  viewer_function    = "tests/viewer.js"
  resolver_zip       = "tests/resolver.zip"
  publisher_subjects = ["repo:org/name:ref:refs/heads/main"]
  janitor_subjects   = ["repo:org/name:environment:janitor"]
  janitor_arns       = ["arn:aws:iam::123456789012:role/admin"]
}

run "publisher" {
  assert {
    condition = flatten([for s in jsondecode(aws_iam_role_policy.publisher[0].policy).Statement : s.Action if s.Effect == "Allow"]) == [
      "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket",
      "cloudfront:CreateInvalidation",
      "cloudfront-keyvaluestore:DescribeKeyValueStore", "cloudfront-keyvaluestore:GetKey", "cloudfront-keyvaluestore:UpdateKeys",
    ]
    error_message = "the publisher has these rights and no other; it can't delete"
  }

  assert {
    condition = alltrue([for s in jsondecode(aws_iam_role_policy.publisher[0].policy).Statement :
      alltrue([for r in flatten([s.Resource]) : contains([
        "arn:aws:s3:::packages-123456789012", "arn:aws:s3:::packages-123456789012/*",
        "arn:aws:s3:::packages-123456789012/.asof/janitor/*",
        "arn:aws:cloudfront::123456789012:distribution/E2EXAMPLE",
        "arn:aws:cloudfront::123456789012:key-value-store/a1b2c3d4-0000-4000-8000-000000000000",
      ], r)])
    ])
    error_message = "and on these things alone"
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.publisher[0].policy).Statement : [s.Action, s.Resource] if s.Effect == "Deny"] == [
      ["s3:PutObject", "arn:aws:s3:::packages-123456789012/.asof/janitor/*"],
    ]
    error_message = "the publisher does not write what the janitor notes"
  }

  assert {
    condition = jsondecode(aws_iam_role.publisher[0].assume_role_policy).Statement == [{
      Sid       = "JobsOfCI"
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = ["repo:org/name:ref:refs/heads/main"] }
      }
    }]
    error_message = "jobs with the audience and the subject take the publisher's role, and nobody else"
  }

  assert {
    condition     = aws_iam_openid_connect_provider.this[0].url == "https://token.actions.githubusercontent.com" && aws_iam_openid_connect_provider.this[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "the issuer is known"
  }
}

run "janitor" {
  assert {
    condition = flatten([for s in jsondecode(aws_iam_role_policy.janitor[0].policy).Statement : s.Action]) == [
      "s3:GetObject", "s3:GetObjectRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject", "s3:ListBucket",
      "cloudfront:CreateInvalidation",
      "cloudfront-keyvaluestore:DescribeKeyValueStore", "cloudfront-keyvaluestore:GetKey", "cloudfront-keyvaluestore:UpdateKeys",
    ]
    error_message = "the janitor reads, deletes and swaps, and tells the CDN"
  }

  assert {
    condition = one([for s in jsondecode(aws_iam_role_policy.janitor[0].policy).Statement : s.Resource if contains(flatten([s.Action]), "s3:PutObject")]) == [
      "arn:aws:s3:::packages-123456789012/*/checkpoints.json", "arn:aws:s3:::packages-123456789012/*/index.html",
      "arn:aws:s3:::packages-123456789012/*/index-*.html", "arn:aws:s3:::packages-123456789012/.asof/repos/*/records/*",
      "arn:aws:s3:::packages-123456789012/.asof/segments/*",
      "arn:aws:s3:::packages-123456789012/.asof/pins/*",
      "arn:aws:s3:::packages-123456789012/.asof/janitor/*",
    ]
    error_message = "the janitor writes indexes, lists, records, segments, pins and its notes alone"
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role.janitor[0].assume_role_policy).Statement : keys(s.Principal)] == [["Federated"], ["AWS"]] && jsondecode(aws_iam_role.janitor[0].assume_role_policy).Statement[0].Condition.StringLike["token.actions.githubusercontent.com:sub"] == ["repo:org/name:environment:janitor"]
    error_message = "the janitor's role has its own subjects and principals"
  }
}

run "resolver" {
  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.resolver.policy).Statement : [s.Action, s.Resource]] == [
      ["s3:GetObject", "arn:aws:s3:::packages-123456789012/*"],
      ["s3:ListBucket", "arn:aws:s3:::packages-123456789012"],
      [["logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:eu-west-1:123456789012:log-group:mocked:*"],
    ]
    error_message = "the resolver reads, and writes its log"
  }
}

run "nobody_is_public" {
  assert {
    condition = alltrue(flatten([
      for policy in [aws_iam_role.publisher[0].assume_role_policy, aws_iam_role.janitor[0].assume_role_policy, aws_iam_role.resolver.assume_role_policy] : [
        for s in jsondecode(policy).Statement : s.Principal != "*" && try(s.Principal.AWS, "") != "*" && try(s.Principal.Federated, "") != "*"
      ]
    ]))
    error_message = "no role can be taken by anybody"
  }
}

run "locked_and_encrypted" {
  variables {
    object_lock = { mode = "governance", days = 30 }
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/0000"
  }

  assert {
    condition = flatten([for s in jsondecode(aws_iam_role_policy.publisher[0].policy).Statement : s.Action if s.Effect == "Allow"]) == [
      "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket", "s3:PutObjectRetention",
      "kms:Decrypt", "kms:GenerateDataKey", "cloudfront:CreateInvalidation",
      "cloudfront-keyvaluestore:DescribeKeyValueStore", "cloudfront-keyvaluestore:GetKey", "cloudfront-keyvaluestore:UpdateKeys",
    ]
    error_message = "the publisher may retain and use the key"
  }

  assert {
    condition     = flatten([for s in jsondecode(aws_iam_role_policy.resolver.policy).Statement : s.Action if startswith(s.Sid, "Decrypt") || startswith(s.Sid, "Encrypt")]) == ["kms:Decrypt"]
    error_message = "the resolver may only decrypt"
  }
}

run "gitlab" {
  variables {
    oidc = {
      issuer       = "https://gitlab.example.org"
      audience     = "https://packages.example.org"
      provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.org"
    }
    publisher_subjects = ["project_path:group/name:ref_type:branch:ref:main"]
    janitor_subjects   = []
    janitor_arns       = []
  }

  assert {
    condition = jsondecode(aws_iam_role.publisher[0].assume_role_policy).Statement[0].Condition == {
      StringEquals = { "gitlab.example.org:aud" = "https://packages.example.org" }
      StringLike   = { "gitlab.example.org:sub" = ["project_path:group/name:ref_type:branch:ref:main"] }
    }
    error_message = "any issuer will do"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0 && length(aws_iam_role.janitor) == 0 && output.janitor_role_arn == null
    error_message = "the account's provider is used, and there is no janitor that nobody asked for"
  }
}
