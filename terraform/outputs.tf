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
  description = "A ready workflow of GitHub Actions that publishes, with asof.yaml beside it in the repository; null without publisher_subjects."
  value       = length(var.publisher_subjects) == 0 ? null : templatefile("${path.module}/templates/github.yml.tftpl", { role = aws_iam_role.publisher[0].arn, region = local.region })
}

output "distribution_id" {
  description = "The CDN, for invalidations."
  value       = aws_cloudfront_distribution.this.id
}

output "distribution_domain_name" {
  description = "The CDN's own name, for records outside of Route 53."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "key_value_store_arn" {
  description = "The CDN's store of times, which its function looks up."
  value       = aws_cloudfront_key_value_store.times.arn
}

output "publisher_role_arn" {
  description = "The role that publishes; null if nobody may take it."
  value       = one(aws_iam_role.publisher[*].arn)
}

output "janitor_role_arn" {
  description = "The role that prunes and collects; null if nobody may take it."
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
  description = "The topics that alarms go to, by region."
  value       = local.topics
}

output "kms_key_statement" {
  description = "What the policy of kms_key_arn must hold, for CloudFront to decrypt. JSON; null without a key."
  value = var.kms_key_arn == null ? null : jsonencode({
    Sid       = "CDNDecrypts"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "kms:Decrypt"
    Resource  = "*"
    Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.this.arn } }
  })
}
