# R2 and a worker, under your own domain name. CLOUDFLARE_API_TOKEN holds the token.
module "asof" {
  source = "../../modules/cloudflare"

  name       = "packages"
  account_id = var.account_id
  zone_id    = var.zone_id
  hostname   = "packages.example.org"
  location   = "weur"
  lock_days  = 30

  repos = [{
    name   = "myfile"
    layout = "thin"
    remote = { type = "file", url = "https://fixtures.example.org/file/PULP_MANIFEST" }
  }]
}

variable "account_id" {
  description = "The account."
  type        = string
}

variable "zone_id" {
  description = "The zone of example.org."
  type        = string
}

output "url" {
  description = "Where the repos are served."
  value       = module.asof.url
}

output "asof_yaml" {
  description = "A ready asof.yaml."
  value       = module.asof.asof_yaml
}
