# A bucket, a CDN and a resolver, and a role for the jobs of one branch on GitHub.
provider "aws" {
  region = "eu-west-1"
}

module "asof" {
  source = "../.."

  name               = "packages"
  publisher_subjects = ["repo:example/packages:ref:refs/heads/main"]

  repos = [{
    name   = "myfile"
    remote = { type = "file", url = "https://fixtures.example.org/file/PULP_MANIFEST" }
  }]
}

output "url" {
  description = "Where the repos are served."
  value       = module.asof.url
}

output "asof_yaml" {
  description = "Commit it beside the workflow."
  value       = module.asof.asof_yaml
}

output "github_workflow" {
  description = "Commit it as .github/workflows/asof.yml."
  value       = module.asof.github_workflow
}
