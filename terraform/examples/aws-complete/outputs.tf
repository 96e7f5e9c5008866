output "url" {
  description = "Where the repos are served."
  value       = module.asof.url
}

output "repo_urls" {
  description = "Where each repo is served."
  value       = module.asof.repo_urls
}

output "asof_yaml" {
  description = "For whoever runs asof by hand."
  value       = module.asof.asof_yaml
}

output "github_workflow" {
  description = "For publishing from GitHub instead of the schedule."
  value       = module.asof.github_workflow
}

output "janitor_role_arn" {
  description = "For asof prune and asof gc."
  value       = module.asof.janitor_role_arn
}
