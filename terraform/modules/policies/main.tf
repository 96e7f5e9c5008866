# The rights of publisher, janitor and resolver. Their one source is
# examples/policies, which stands in docs/operations.md and is tested against a
# real MinIO. Here BUCKET and PREFIX get their values.
locals {
  names = ["publisher", "janitor", "resolver", "retention"]

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

  # Who may list everything below no prefix may list the bucket. A condition on
  # s3:prefix would only get in the way of requests that give none.
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
