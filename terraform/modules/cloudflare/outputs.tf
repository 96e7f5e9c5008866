output "url" {
  description = "Where the repos are served; null without a hostname."
  value       = var.hostname == null ? null : "https://${var.hostname}/"
}

output "bucket" {
  description = "The bucket's name."
  value       = cloudflare_r2_bucket.this.name
}

output "store" {
  description = "The store's URL, for asof.yaml or ASOF_STORE. Its credentials are an R2 API token for this bucket, in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
  value       = "s3://${cloudflare_r2_bucket.this.name}?endpoint=https://${local.host}&region=auto&path_style=true"
}

output "asof_yaml" {
  description = "A ready asof.yaml."
  value = yamlencode({
    store = "s3://${cloudflare_r2_bucket.this.name}?endpoint=https://${local.host}&region=auto&path_style=true"
    repos = [for r in var.repos : { for key, value in r : key => value if value != null }]
  })
}

output "worker" {
  description = "The worker's name."
  value       = cloudflare_workers_script.this.script_name
}
