locals {
  full = var.layout == "full"

  # The origin of requests that a tree, the resolver, or both may answer. full: first
  # the bucket, then the resolver if the bucket says 403 (missing, as CloudFront may
  # not list) or 404.
  front = local.full ? "bucket-then-resolver" : "resolver"

  # In order: the first matching pattern decides. The distribution has the default
  # for everything else.
  behaviors = concat(
    [for path in local.immutable : { path = "/${path}", origin = "bucket", cache = "immutable", function = false, compress = false }],
    [
      { path = local.trees, origin = local.front, cache = "tree", function = true, compress = false },
      { path = "*/checkpoints.json", origin = local.front, cache = "short", function = true, compress = true },
    ],
  )

  # Seconds. The origins' own Cache-Control decides within these bounds.
  #   immutable  blobs, manifests: from the bucket, never anything else
  #   tree       files of a tree; also redirects and errors, whose headers say how
  #              long they are valid
  #   short      indexes, lists, redirects
  year = 31536000
  caches = {
    immutable = { min = 86400, default = local.year, max = local.year, accept = false, query = false }
    tree      = { min = 0, default = 86400, max = local.year, accept = false, query = false }
    # Lists come as HTML or JSON, by Accept. Redirects keep the query. The bucket
    # never gets it: it would take it for options of its own.
    short = { min = 0, default = 10, max = 86400, accept = true, query = !local.full }
  }
}

resource "aws_cloudfront_origin_access_control" "this" {
  for_each = { bucket = "s3", resolver = "lambda" }

  name                              = "${var.name}-${each.key}"
  description                       = "The CDN of ${var.name} signs requests to its ${each.key}"
  origin_access_control_origin_type = each.value
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_cache_policy" "this" {
  for_each = local.caches

  name        = "${var.name}-${each.key}"
  min_ttl     = each.value.min
  default_ttl = each.value.default
  max_ttl     = each.value.max

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = each.key == "short"
    enable_accept_encoding_gzip   = each.key == "short"

    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = each.value.accept ? "whitelist" : "none"

      dynamic "headers" {
        for_each = each.value.accept ? [["Accept", "Accept-Datetime"]] : []

        content {
          items = headers.value
        }
      }
    }

    query_strings_config {
      query_string_behavior = each.value.query ? "all" : "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  name    = var.name
  comment = "Everybody may read, nobody may guess"

  cors_config {
    access_control_allow_credentials = false
    access_control_max_age_sec       = 86400
    origin_override                  = true

    access_control_allow_headers {
      items = ["*"]
    }

    access_control_allow_methods {
      items = ["GET", "HEAD"]
    }

    access_control_allow_origins {
      items = ["*"]
    }

    access_control_expose_headers {
      items = ["*"]
    }
  }

  security_headers_config {
    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "SAMEORIGIN"
      override     = false
    }

    referrer_policy {
      referrer_policy = "strict-origin-when-cross-origin"
      override        = false
    }

    strict_transport_security {
      access_control_max_age_sec = local.year
      override                   = false
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  comment         = "asof: ${var.name}"
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  price_class     = var.price_class
  aliases         = var.domain_names
  web_acl_id      = var.rate_limit == null ? var.web_acl_arn : aws_wafv2_web_acl.this[0].arn
  tags            = var.tags

  origin {
    origin_id                = "bucket"
    domain_name              = aws_s3_bucket.this.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this["bucket"].id
  }

  origin {
    origin_id                = "resolver"
    domain_name              = trimsuffix(trimprefix(aws_lambda_function_url.resolver.function_url, "https://"), "/")
    origin_access_control_id = aws_cloudfront_origin_access_control.this["resolver"].id

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }

  dynamic "origin_group" {
    for_each = local.full ? ["bucket-then-resolver"] : []

    content {
      origin_id = origin_group.value

      failover_criteria {
        status_codes = [403, 404]
      }

      member {
        origin_id = "bucket"
      }

      member {
        origin_id = "resolver"
      }
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = local.behaviors

    content {
      path_pattern               = ordered_cache_behavior.value.path
      target_origin_id           = ordered_cache_behavior.value.origin
      cache_policy_id            = aws_cloudfront_cache_policy.this[ordered_cache_behavior.value.cache].id
      response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
      compress                   = ordered_cache_behavior.value.compress
      viewer_protocol_policy     = "redirect-to-https"
      allowed_methods            = ["GET", "HEAD"]
      cached_methods             = ["GET", "HEAD"]

      dynamic "function_association" {
        for_each = ordered_cache_behavior.value.function ? [aws_cloudfront_function.viewer.arn] : []

        content {
          event_type   = "viewer-request"
          function_arn = function_association.value
        }
      }
    }
  }

  default_cache_behavior {
    target_origin_id           = local.front
    cache_policy_id            = aws_cloudfront_cache_policy.this["short"].id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
    compress                   = true
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.viewer.arn
    }
  }

  # Seconds to cache an error whose headers do not say how long.
  dynamic "custom_error_response" {
    for_each = { 403 = 10, 404 = 10, 500 = 1, 502 = 1, 503 = 1, 504 = 1 }

    content {
      error_code            = custom_error_response.key
      error_caching_min_ttl = custom_error_response.value
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = length(var.domain_names) == 0
    acm_certificate_arn            = local.certificate_arn
    ssl_support_method             = length(var.domain_names) == 0 ? null : "sni-only"
    minimum_protocol_version       = length(var.domain_names) == 0 ? "TLSv1" : "TLSv1.2_2021"
  }
}
