# What the CDN does with each path, in both layouts.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name            = "packages"
  viewer_function = "tests/viewer.js"
  resolver_zip    = "tests/resolver.zip"
}

run "full" {
  assert {
    condition = [for b in aws_cloudfront_distribution.this.ordered_cache_behavior : [b.path_pattern, b.target_origin_id, length(b.function_association)]] == [
      ["/.asof/pool/*", "bucket", 0],
      ["/.asof/manifests/*", "bucket", 0],
      ["/.asof/segments/*", "bucket", 0],
      ["*/????????T??????Z/*", "bucket-then-resolver", 1],
      ["*/checkpoints.json", "bucket-then-resolver", 1],
    ]
    error_message = "blobs come from the bucket; trees and indexes from the bucket first"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].target_origin_id == "bucket-then-resolver" && length(aws_cloudfront_distribution.this.default_cache_behavior[0].function_association) == 1
    error_message = "all else too, and the function mends the path before"
  }

  assert {
    condition = jsonencode([for g in aws_cloudfront_distribution.this.origin_group : {
      members = [for m in g.member : m.origin_id]
      codes   = [for c in g.failover_criteria : c.status_codes]
    }]) == jsonencode([{ members = ["bucket", "resolver"], codes = [[403, 404]] }])
    error_message = "the resolver answers what the bucket does not have"
  }

  assert {
    condition     = one(aws_cloudfront_cache_policy.this["short"].parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config).query_string_behavior == "none"
    error_message = "no query reaches a bucket"
  }

  assert {
    condition     = aws_cloudfront_function.viewer.key_value_store_associations == toset([output.key_value_store_arn])
    error_message = "the function has its store"
  }
}

# The function of this repository, within CloudFront's bounds.
run "function" {
  command = plan

  variables {
    viewer_function = null
  }

  assert {
    condition     = strcontains(aws_cloudfront_function.viewer.code, "cf.kvs()") && length(aws_cloudfront_function.viewer.code) <= 10240 && aws_cloudfront_function.viewer.runtime == "cloudfront-js-2.0"
    error_message = "the function is resolver/edge/cloudfront.js, of at most 10 KB"
  }
}

run "thin" {
  variables {
    layout = "thin"
  }

  assert {
    condition = [for b in aws_cloudfront_distribution.this.ordered_cache_behavior : [b.path_pattern, b.target_origin_id, length(b.function_association)]] == [
      ["/.asof/pool/*", "bucket", 0],
      ["/.asof/manifests/*", "bucket", 0],
      ["/.asof/segments/*", "bucket", 0],
      ["*/????????T??????Z/*", "resolver", 1],
      ["*/checkpoints.json", "resolver", 1],
    ]
    error_message = "blobs come from the bucket, all else from the resolver"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.default_cache_behavior[0].target_origin_id == "resolver" && length(aws_cloudfront_distribution.this.origin_group) == 0
    error_message = "the resolver is asked first"
  }

  assert {
    condition     = aws_lambda_function.resolver.environment[0].variables.ASOF_SERVE_POOL_URL == "/"
    error_message = "the resolver sends to the CDN's own pool"
  }

  assert {
    condition     = one(aws_cloudfront_cache_policy.this["short"].parameters_in_cache_key_and_forwarded_to_origin[0].query_strings_config).query_string_behavior == "all"
    error_message = "queries are kept in redirects"
  }
}

run "caching" {
  assert {
    condition = { for name, p in aws_cloudfront_cache_policy.this : name => [p.name, p.min_ttl, p.default_ttl, p.max_ttl] } == {
      immutable = ["packages-immutable", 86400, 31536000, 31536000]
      tree      = ["packages-tree", 0, 86400, 31536000]
      short     = ["packages-short", 0, 10, 86400]
    }
    error_message = "each kind of object has its bounds; where redirects and errors occur the lower one is 0, or no-store would not count"
  }

  assert {
    condition = alltrue([for p in values(aws_cloudfront_cache_policy.this) :
      one(p.parameters_in_cache_key_and_forwarded_to_origin[0].cookies_config).cookie_behavior == "none"
    ])
    error_message = "no cookies"
  }

  assert {
    condition = jsonencode({ for name, p in aws_cloudfront_cache_policy.this : name => [for c in p.parameters_in_cache_key_and_forwarded_to_origin[0].headers_config : [for h in c.headers : h.items]] }) == jsonencode({
      immutable = [[]], tree = [[]], short = [[["Accept", "Accept-Datetime"]]]
    })
    error_message = "lists are told apart by Accept, TimeGates by Accept-Datetime"
  }

  assert {
    condition     = { for e in aws_cloudfront_distribution.this.custom_error_response : e.error_code => e.error_caching_min_ttl } == { 403 = 10, 404 = 10, 500 = 1, 502 = 1, 503 = 1, 504 = 1 }
    error_message = "errors are remembered shortly"
  }

  assert {
    condition = alltrue([for b in concat(aws_cloudfront_distribution.this.ordered_cache_behavior, aws_cloudfront_distribution.this.default_cache_behavior) :
      b.viewer_protocol_policy == "redirect-to-https" && b.allowed_methods == toset(["GET", "HEAD"]) && b.response_headers_policy_id == aws_cloudfront_response_headers_policy.this.id
    ])
    error_message = "every path: HTTPS, reading only, the same headers"
  }

  assert {
    condition     = alltrue([for b in aws_cloudfront_distribution.this.ordered_cache_behavior : b.compress == (b.path_pattern == "*/checkpoints.json")])
    error_message = "upstream's bytes are never encoded anew"
  }
}

run "origins" {
  assert {
    condition = { for o in aws_cloudfront_distribution.this.origin : o.origin_id => o.domain_name } == {
      bucket   = "packages-123456789012.s3.eu-west-1.amazonaws.com"
      resolver = "abcdefghij.lambda-url.eu-west-1.on.aws"
    }
    error_message = "two origins"
  }

  assert {
    condition     = { for k, o in aws_cloudfront_origin_access_control.this : k => [o.origin_access_control_origin_type, o.signing_behavior] } == { bucket = ["s3", "always"], resolver = ["lambda", "always"] }
    error_message = "the CDN signs what it asks of both"
  }

  assert {
    condition     = aws_lambda_function_url.resolver.authorization_type == "AWS_IAM"
    error_message = "nobody asks the resolver without a signature"
  }

  assert {
    condition = alltrue([for p in [aws_lambda_permission.url, aws_lambda_permission.function] :
      p.principal == "cloudfront.amazonaws.com" && p.source_arn == "arn:aws:cloudfront::123456789012:distribution/E2EXAMPLE"
    ]) && [aws_lambda_permission.url.action, aws_lambda_permission.function.action] == ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] && aws_lambda_permission.function.invoked_via_function_url
    error_message = "this CDN alone may invoke the resolver, and by its URL alone"
  }

  assert {
    condition     = aws_lambda_function.resolver.runtime == "provided.al2023" && aws_lambda_function.resolver.handler == "bootstrap" && aws_lambda_function.resolver.architectures == tolist(["arm64"])
    error_message = "the resolver is what make lambda builds"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.http_version == "http2and3" && aws_cloudfront_distribution.this.is_ipv6_enabled && aws_cloudfront_distribution.this.web_acl_id == null
    error_message = "HTTP/3, IPv6, no WAF unless asked for"
  }

  assert {
    condition     = output.url == "https://d111111abcdef8.cloudfront.net/" && aws_cloudfront_distribution.this.viewer_certificate[0].cloudfront_default_certificate
    error_message = "the CDN's own name without another"
  }
}

run "domain" {
  variables {
    domain_names    = ["packages.example.org"]
    zone_id         = "Z000000000000000"
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/given"
    rate_limit      = 1000
    access_logs     = { destination_arn = "arn:aws:s3:::logs-of-ours" }
    repos           = [{ name = "jammy", path = "ubuntu/jammy", remote = { type = "file", url = "https://up.example.org/PULP_MANIFEST" } }]
  }

  assert {
    condition     = aws_cloudfront_distribution.this.aliases == toset(["packages.example.org"]) && aws_cloudfront_distribution.this.viewer_certificate[0].acm_certificate_arn == "arn:aws:acm:us-east-1:123456789012:certificate/given" && aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "the name and its certificate"
  }

  assert {
    condition     = length(aws_acm_certificate.this) == 0 && keys(aws_route53_record.alias) == ["packages.example.org A", "packages.example.org AAAA", "packages.example.org HTTPS"]
    error_message = "records, and no certificate beside the given one"
  }

  assert {
    condition     = aws_lambda_function.resolver.environment[0].variables.ASOF_PUBLIC_URL == "https://packages.example.org"
    error_message = "mirror lists have the name"
  }

  assert {
    condition     = output.url == "https://packages.example.org/" && output.repo_urls == { jammy = "https://packages.example.org/ubuntu/jammy/" }
    error_message = "URLs have the name"
  }

  assert {
    condition     = aws_cloudfront_distribution.this.web_acl_id == aws_wafv2_web_acl.this[0].arn && aws_wafv2_web_acl.this[0].scope == "CLOUDFRONT" && aws_wafv2_web_acl.this[0].region == "us-east-1"
    error_message = "the WAF stands before the CDN"
  }

  assert {
    condition     = aws_cloudwatch_log_delivery_source.this[0].log_type == "ACCESS_LOGS" && one(aws_cloudwatch_log_delivery_destination.this[0].delivery_destination_configuration).destination_resource_arn == "arn:aws:s3:::logs-of-ours"
    error_message = "logs are delivered"
  }
}
