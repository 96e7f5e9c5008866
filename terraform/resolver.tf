locals {
  resolver_zip = coalesce(var.resolver_zip, "${path.module}/../bin/asof-lambda-${var.resolver_architecture}.zip")
}

resource "aws_cloudwatch_log_group" "resolver" {
  name              = "/aws/lambda/${var.name}-resolver"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_lambda_function" "resolver" {
  function_name                  = "${var.name}-resolver"
  description                    = "Any time to the newest checkpoint at or before it"
  role                           = aws_iam_role.resolver.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.resolver_architecture]
  memory_size                    = var.resolver_memory
  timeout                        = 30
  reserved_concurrent_executions = var.resolver_concurrency
  filename                       = local.resolver_zip
  source_code_hash               = fileexists(local.resolver_zip) ? filebase64sha256(local.resolver_zip) : null
  tags                           = var.tags

  environment {
    variables = {
      ASOF_STORE = local.store
      # Blobs of thin checkpoints come from the CDN itself. It reads them from the
      # bucket: /.asof/pool/….
      ASOF_SERVE_POOL_URL = "/"
      ASOF_LAMBDA_STREAM  = "true"
      # For mirror lists. The CDN does not tell what host clients ask, and its own name is
      # not known before this function is.
      ASOF_PUBLIC_URL = local.has_domain ? "https://${var.domain_names[0]}" : ""
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.resolver.name
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.resolver_zip)
      error_message = "resolver_zip: there is no file ${local.resolver_zip}; make lambda builds it."
    }
  }
}

# Only the CDN may invoke it. A function URL needs both permissions: one for the URL, one
# for the function.
resource "aws_lambda_function_url" "resolver" {
  function_name      = aws_lambda_function.resolver.function_name
  authorization_type = "AWS_IAM"
  invoke_mode        = "RESPONSE_STREAM"
}

resource "aws_lambda_permission" "url" {
  statement_id           = "CDNAsksTheURL"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.resolver.function_name
  function_url_auth_type = "AWS_IAM"
  principal              = "cloudfront.amazonaws.com"
  source_arn             = aws_cloudfront_distribution.this.arn
}

resource "aws_lambda_permission" "function" {
  statement_id             = "CDNRunsTheFunction"
  action                   = "lambda:InvokeFunction"
  function_name            = aws_lambda_function.resolver.function_name
  invoked_via_function_url = true
  principal                = "cloudfront.amazonaws.com"
  source_arn               = aws_cloudfront_distribution.this.arn
}
