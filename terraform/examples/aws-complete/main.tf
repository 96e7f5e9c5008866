# Everything the module can do: two repos under your own domain name, a key, a
# retention, a WAF, logs, alarms, a janitor, and a schedule instead of CI.
provider "aws" {
  region = "eu-west-1"
}

module "asof" {
  source = "../.."

  name   = "packages"
  layout = "thin"
  tags   = { service = "packages" }

  repos = [
    {
      name   = "myfile"
      layout = "thin"
      remote = { type = "file", url = "https://fixtures.example.org/file/PULP_MANIFEST", username_env = "MYFILE_USER", password_env = "MYFILE_PASSWORD" }
    },
    {
      name   = "images"
      path   = "mirror/images"
      layout = "thin"
      remote = { type = "file", url = "https://images.example.org/PULP_MANIFEST" }
    },
  ]

  bucket_name     = "example-packages"
  kms_key_arn     = aws_kms_key.packages.arn
  object_lock     = { mode = "governance", days = 30 }
  noncurrent_days = 40

  domain_names = ["packages.example.org"]
  zone_id      = var.zone_id
  rate_limit   = 5000
  access_logs  = { destination_arn = aws_cloudwatch_log_group.access.arn }

  publisher_subjects = ["repo:example/packages:ref:refs/heads/main"]
  janitor_subjects   = ["repo:example/packages:environment:janitor"]

  alarms = { emails = ["ops@example.org"], horizon_hours = 14 }

  schedule = {
    expression = "rate(6 hours)"
    image      = "registry.example.org/asof:1"
    subnet_ids = var.subnet_ids
    secrets = {
      MYFILE_USER     = "${aws_secretsmanager_secret.myfile.arn}:user::"
      MYFILE_PASSWORD = "${aws_secretsmanager_secret.myfile.arn}:password::"
    }
  }
}

# The key. CloudFront reads with it as a service principal. The account's policies say
# who else may use it.
resource "aws_kms_key" "packages" {
  description         = "Packages"
  enable_key_rotation = true
}

resource "aws_kms_key_policy" "packages" {
  key_id = aws_kms_key.packages.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Account"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.this.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      jsondecode(module.asof.kms_key_statement),
    ]
  })
}

data "aws_caller_identity" "this" {}

# CloudFront delivers its access logs from us-east-1, so the log group is there.
resource "aws_cloudwatch_log_group" "access" {
  region            = "us-east-1"
  name              = "/asof/packages-access"
  retention_in_days = 90
}

resource "aws_secretsmanager_secret" "myfile" {
  name        = "packages/myfile"
  description = "User and password of myfile's upstream, as {\"user\": …, \"password\": …}"
}
