# Bad inputs are refused, each by its own name. Many stand in one run: each must fail.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name            = "packages"
  viewer_function = "tests/viewer.js"
  resolver_zip    = "tests/resolver.zip"
}

run "bad_1" {
  command = plan

  variables {
    name                  = "No Capitals"
    layout                = "both"
    bucket_name           = "dots.break.tls"
    kms_key_arn           = "alias/mine"
    object_lock           = { mode = "forever", days = 30 }
    noncurrent_days       = 0
    cold_storage          = { after_days = 30 }
    domain_names          = ["packages.example.org"]
    price_class           = "PriceClass_1"
    web_acl_arn           = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/x/0"
    rate_limit            = 100
    access_logs           = { destination_arn = "arn:aws:s3:::logs", format = "csv" }
    resolver_architecture = "amd64"
    resolver_memory       = 64
    resolver_concurrency  = 0
    oidc                  = { issuer = "http://issuer.example.org" }
    publisher_subjects    = ["*"]
    publisher_arns        = ["*"]
    janitor_arns          = ["*"]
    alarms                = { horizon_hours = 200 }
    schedule              = { expression = "rate(1 day)", image = "asof", subnet_ids = ["subnet-1"] }
  }

  expect_failures = [
    var.name,
    var.layout,
    var.bucket_name,
    var.kms_key_arn,
    var.object_lock,
    var.noncurrent_days,
    var.cold_storage,
    var.domain_names,
    var.price_class,
    var.web_acl_arn,
    var.access_logs,
    var.resolver_architecture,
    var.resolver_memory,
    var.resolver_concurrency,
    var.oidc,
    var.publisher_subjects,
    var.publisher_arns,
    var.janitor_arns,
    var.alarms,
    var.schedule,
  ]
}

run "bad_2" {
  command = plan

  variables {
    object_lock        = { mode = "governance", days = 0 }
    cold_storage       = { after_days = 30, storage_class = "DEEP_ARCHIVE" }
    repos              = [{ name = "a", remote = { type = "file" } }]
    rate_limit         = 1
    certificate_arn    = "arn:aws:acm:eu-west-1:123456789012:certificate/0"
    publisher_subjects = ["repo:*"]
  }

  expect_failures = [
    var.object_lock,
    var.cold_storage,
    var.rate_limit,
    var.certificate_arn,
    var.publisher_subjects,
  ]
}

run "bad_3" {
  command = plan

  variables {
    janitor_subjects   = ["repo:org/name:ref:refs/heads/main"]
    publisher_subjects = ["repo:org/name:ref:refs/heads/main"]
    schedule           = { expression = "daily", image = "asof", subnet_ids = ["subnet-1"] }
    repos              = [{ name = "a", remote = { type = "file" } }]
  }

  expect_failures = [
    var.janitor_subjects,
    var.schedule,
  ]
}

run "bad_4" {
  command = plan

  variables {
    schedule = { expression = "rate(1 day)", image = "asof", subnet_ids = [] }
    repos    = [{ name = "a", remote = { type = "file" } }]
  }

  expect_failures = [
    var.schedule,
  ]
}

run "bad_5" {
  command = plan

  variables {
    repos = [{ name = "a", remote = { type = "file" } }, { name = "a", remote = { type = "file" } }]
  }

  expect_failures = [
    var.repos,
  ]
}

run "bad_6" {
  command = plan

  variables {
    repos = [{ name = "a", path = ".asof/pool", remote = { type = "file" } }]
  }

  expect_failures = [
    var.repos,
  ]
}

run "bad_7" {
  command = plan

  variables {
    repos = [{ name = "a", remote = { url = "https://up.example.org" } }]
  }

  expect_failures = [
    var.repos,
  ]
}

run "bad_8" {
  command = plan

  variables {
    repos = [{ name = "a", layout = "both", remote = { type = "file" } }]
  }

  expect_failures = [
    var.repos,
  ]
}

run "resolver_zip" {
  command = plan

  variables {
    resolver_zip = "tests/missing.zip"
  }

  expect_failures = [aws_lambda_function.resolver]
}

run "viewer_function" {
  command = plan

  variables {
    viewer_function = "tests/missing.js"
  }

  expect_failures = [aws_cloudfront_function.viewer]
}
