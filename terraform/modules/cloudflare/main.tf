locals {
  worker  = coalesce(var.worker, "${path.module}/../../../resolver/edge/worker.js")
  binding = "BUCKET"

  # Prefixes of keys that never change. A tree's prefix is the repo's path and the
  # first digit of an id's year. The index and the list of checkpoints do change,
  # and begin with letters.
  immutable = concat(
    [".asof/pool/", ".asof/manifests/", ".asof/segments/"],
    [for r in var.repos : "${coalesce(r.path, r.name)}/2"],
  )

  host = var.jurisdiction == "default" ? "${var.account_id}.r2.cloudflarestorage.com" : "${var.account_id}.${var.jurisdiction}.r2.cloudflarestorage.com"
}

resource "cloudflare_r2_bucket" "this" {
  account_id   = var.account_id
  name         = var.name
  location     = var.location
  jurisdiction = var.jurisdiction
}

resource "cloudflare_r2_bucket_lifecycle" "this" {
  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.this.name
  jurisdiction = var.jurisdiction

  rules = [{
    id         = "abort-stale-uploads"
    enabled    = true
    conditions = { prefix = "" }
    abort_multipart_uploads_transition = {
      condition = { type = "Age", max_age = 7 * 86400 }
    }
  }]
}

resource "cloudflare_r2_bucket_lock" "this" {
  count = var.lock_days == 0 ? 0 : 1

  account_id   = var.account_id
  bucket_name  = cloudflare_r2_bucket.this.name
  jurisdiction = var.jurisdiction

  rules = [for prefix in local.immutable : {
    id        = "keep-${trim(replace(prefix, "/[^A-Za-z0-9]+/", "-"), "-")}"
    enabled   = true
    prefix    = prefix
    condition = { type = "Age", max_age_seconds = var.lock_days * 86400 }
  }]
}

resource "cloudflare_workers_script" "this" {
  account_id         = var.account_id
  script_name        = var.name
  main_module        = "worker.js"
  content            = fileexists(local.worker) ? file(local.worker) : "-"
  compatibility_date = var.compatibility_date

  bindings = [merge(
    {
      type        = "r2_bucket"
      name        = local.binding
      bucket_name = cloudflare_r2_bucket.this.name
    },
    { for key, value in { jurisdiction = var.jurisdiction } : key => value if value != "default" },
  )]

  observability = {
    enabled = true
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.worker)
      error_message = "worker: there is no file ${local.worker}."
    }
  }
}

# Use workers.dev only if there is no better name.
resource "cloudflare_workers_script_subdomain" "this" {
  account_id       = var.account_id
  script_name      = cloudflare_workers_script.this.script_name
  enabled          = var.hostname == null && var.route == null
  previews_enabled = false
}

resource "cloudflare_workers_custom_domain" "this" {
  count = var.hostname == null ? 0 : 1

  account_id = var.account_id
  zone_id    = var.zone_id
  hostname   = var.hostname
  service    = cloudflare_workers_script.this.script_name
}

resource "cloudflare_workers_route" "this" {
  count = var.route == null ? 0 : 1

  zone_id = var.zone_id
  pattern = var.route
  script  = cloudflare_workers_script.this.script_name
}
