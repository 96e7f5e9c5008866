# The rights of publisher, janitor, resolver and promoter. Their only source is
# examples/policies, which docs/operations/security.md shows and a test tries on a
# real MinIO. This module fills in BUCKET and PREFIX.
locals {
  names = ["publisher", "janitor", "resolver", "promoter", "retention"]

  below = var.prefix == "" ? "" : "${var.prefix}/"

  statements = {
    for name in local.names : name => jsondecode(
      replace(replace(replace(
        file("${path.module}/../../../examples/policies/${name}.json"),
        "arn:aws:", "arn:${var.partition}:"),
        "BUCKET", var.bucket),
      "PREFIX/", local.below)
    ).Statement
  }

  # Without a prefix the role may list the whole bucket. A condition on s3:prefix
  # would only break requests that send none.
  policies = {
    for name, statements in local.statements : name => {
      Version = "2012-10-17"
      Statement = [
        for s in statements : { for key, value in s : key => value if key != "Condition" || local.below != "" }
      ]
    }
  }

  publisher = {
    Version   = "2012-10-17"
    Statement = concat(local.policies.publisher.Statement, var.retention ? local.policies.retention.Statement : [])
  }
}
