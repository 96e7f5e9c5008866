locals {
  has_publisher  = length(var.publisher_subjects) + length(var.publisher_arns) > 0 || var.schedule != null
  has_janitor    = length(var.janitor_subjects) + length(var.janitor_arns) > 0
  has_oidc       = length(var.publisher_subjects) + length(var.janitor_subjects) > 0
  janitor_arn    = "arn:${local.partition}:iam::${local.account}:role/${var.name}-janitor"
  issuer         = trimprefix(var.oidc.issuer, "https://")
  oidc_provider  = local.has_oidc && var.oidc.provider_arn == null ? aws_iam_openid_connect_provider.this[0].arn : var.oidc.provider_arn
  runs_elsewhere = { publisher = var.schedule != null, janitor = false }

  # Who may assume a role: jobs whose tokens have these subjects, AWS principals, and
  # the schedule's tasks.
  trust = {
    for role, who in {
      publisher = { subjects = var.publisher_subjects, arns = var.publisher_arns }
      janitor   = { subjects = var.janitor_subjects, arns = var.janitor_arns }
      } : role => jsonencode({
        Version = "2012-10-17"
        Statement = concat(
          [for subjects in [who.subjects] : {
            Sid       = "JobsOfCI"
            Effect    = "Allow"
            Principal = { Federated = local.oidc_provider }
            Action    = "sts:AssumeRoleWithWebIdentity"
            Condition = {
              StringEquals = { "${local.issuer}:aud" = var.oidc.audience }
              StringLike   = { "${local.issuer}:sub" = subjects }
            }
          } if length(subjects) > 0],
          [for arns in [who.arns] : {
            Sid       = "PrincipalsOfAWS"
            Effect    = "Allow"
            Principal = { AWS = arns }
            Action    = "sts:AssumeRole"
          } if length(arns) > 0],
          [for runs in [local.runs_elsewhere[role]] : {
            Sid       = "TasksOfTheSchedule"
            Effect    = "Allow"
            Principal = { Service = "ecs-tasks.amazonaws.com" }
            Action    = "sts:AssumeRole"
            Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
          } if runs],
        )
    })
  }

  # What reading and writing need if the bucket is encrypted with a key.
  decrypt = [for arn in var.kms_key_arn[*] : {
    Sid      = "Decrypt"
    Effect   = "Allow"
    Action   = "kms:Decrypt"
    Resource = arn
  }]
  encrypt = [for arn in var.kms_key_arn[*] : {
    Sid      = "Encrypt"
    Effect   = "Allow"
    Action   = "kms:GenerateDataKey"
    Resource = arn
  }]

  # What publish and prune tell the CDN.
  tell_cdn = [
    {
      Sid      = "Invalidate"
      Effect   = "Allow"
      Action   = "cloudfront:CreateInvalidation"
      Resource = aws_cloudfront_distribution.this.arn
    },
    {
      Sid    = "PutTimes"
      Effect = "Allow"
      Action = [
        "cloudfront-keyvaluestore:DescribeKeyValueStore",
        "cloudfront-keyvaluestore:GetKey",
        "cloudfront-keyvaluestore:UpdateKeys",
      ]
      Resource = aws_cloudfront_key_value_store.times.arn
    },
  ]

  policies = {
    publisher = concat(jsondecode(module.policies.publisher).Statement, local.decrypt, local.encrypt, local.tell_cdn)
    janitor   = concat(jsondecode(module.policies.janitor).Statement, local.decrypt, local.encrypt, local.tell_cdn)
    resolver = concat(jsondecode(module.policies.resolver).Statement, local.decrypt, [{
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.resolver.arn}:*"
    }])
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  count = local.has_oidc && var.oidc.provider_arn == null ? 1 : 0

  url            = var.oidc.issuer
  client_id_list = [var.oidc.audience]
  tags           = var.tags
}

# Publishes. Can't delete.
resource "aws_iam_role" "publisher" {
  count = local.has_publisher ? 1 : 0

  name                 = "${var.name}-publisher"
  description          = "Publishes to ${local.bucket}; can't delete"
  assume_role_policy   = local.trust.publisher
  max_session_duration = 12 * 3600 # a first publish takes its time
  tags                 = var.tags
}

resource "aws_iam_role_policy" "publisher" {
  count = local.has_publisher ? 1 : 0

  name   = "publish"
  role   = aws_iam_role.publisher[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.policies.publisher })
}

# Prunes and collects. Writes no file of a checkpoint.
resource "aws_iam_role" "janitor" {
  count = local.has_janitor ? 1 : 0

  name               = "${var.name}-janitor"
  description        = "Prunes ${local.bucket} and collects its garbage"
  assume_role_policy = local.trust.janitor
  tags               = var.tags
}

resource "aws_iam_role_policy" "janitor" {
  count = local.has_janitor ? 1 : 0

  name   = "prune"
  role   = aws_iam_role.janitor[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.policies.janitor })
}

# Reads.
resource "aws_iam_role" "resolver" {
  name        = "${var.name}-resolver"
  description = "Reads ${local.bucket}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Lambda"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "resolver" {
  name   = "read"
  role   = aws_iam_role.resolver.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.policies.resolver })
}
