data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.region

  bucket     = coalesce(var.bucket_name, "${var.name}-${local.account}")
  bucket_arn = "arn:${local.partition}:s3:::${local.bucket}"
  store      = "s3://${local.bucket}?region=${local.region}"

  # The paths of repos by name.
  bases = { for r in var.repos : r.name => coalesce(r.path, r.name) }

  # Objects that are created once and never change (docs/formats.md). The last
  # pattern is every tree: no segment of a repo's path reads as an id.
  immutable = [".asof/pool/*", ".asof/manifests/*", ".asof/segments/*"]
  trees     = "*/????????T??????Z/*"

  # Private: no outside request may reach them.
  private = ["asof.json", ".asof/repos/*", ".asof/pins/*", ".asof/janitor/*", ".asof/rollout/*"]

  asof_yaml = yamlencode(merge(
    { store = local.store, cloudfront = { distribution = aws_cloudfront_distribution.this.id, key_value_store = aws_cloudfront_key_value_store.times.arn } },
    { for key, value in { retention = var.object_lock } : key => value if value != null },
    { repos = [for r in var.repos : { for key, value in r : key => value if value != null }] },
  ))
}

module "policies" {
  source = "./modules/policies"

  bucket    = local.bucket
  partition = local.partition
  retention = var.object_lock != null
}
