output "url" {
  description = "Where the repos are served."
  value       = "https://${local.has_domain ? var.domain_names[0] : aws_cloudfront_distribution.this.domain_name}/"
}

output "repo_urls" {
  description = "Where each repo is served, by name."
  value       = { for name, base in local.bases : name => "https://${local.has_domain ? var.domain_names[0] : aws_cloudfront_distribution.this.domain_name}/${base}/" }
}

output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id
}

output "store" {
  description = "The store's URL, for asof.yaml or ASOF_STORE."
  value       = local.store
}

output "asof_yaml" {
  description = "A ready asof.yaml."
  value       = local.asof_yaml
}

output "github_workflow" {
  description = "A ready GitHub Actions workflow that publishes. It expects asof.yaml in the repository. null without publisher_subjects."
  value       = length(var.publisher_subjects) == 0 ? null : templatefile("${path.module}/templates/github.yml.tftpl", { role = aws_iam_role.publisher[0].arn, region = local.region })
}

output "distribution_id" {
  description = "The CDN's id, for invalidations."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_domain_name" {
  description = "The CDN's CloudFront name, for records outside of Route 53."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "key_value_store_arn" {
  description = "The key value store in which the CDN's function looks up times."
  value       = aws_cloudfront_key_value_store.times.arn
}

output "publisher_role_arn" {
  description = "The role that publishes; null if nobody may assume it."
  value       = one(aws_iam_role.publisher[*].arn)
}

output "janitor_role_arn" {
  description = "The role that prunes and collects; null if nobody may assume it."
  value       = one(aws_iam_role.janitor[*].arn)
}

output "resolver_role_arn" {
  description = "The role of the resolver, which reads."
  value       = aws_iam_role.resolver.arn
}

output "resolver_function_name" {
  description = "The resolver's Lambda function."
  value       = aws_lambda_function.resolver.function_name
}

output "alarm_topic_arns" {
  description = "The alarms' topics, by region."
  value       = local.topics
}

output "kms_key_statement" {
  description = "A statement that the policy of kms_key_arn needs, so that CloudFront can decrypt. JSON; null without a key."
  value = var.kms_key_arn == null ? null : jsonencode({
    Sid       = "CDNDecrypts"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "kms:Decrypt"
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
  })
}
