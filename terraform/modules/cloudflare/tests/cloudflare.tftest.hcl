mock_provider "cloudflare" {}

variables {
  name       = "packages"
  account_id = "0123456789abcdef0123456789abcdef"
  worker     = "tests/worker.js"
  repos      = [{ name = "jammy", path = "ubuntu/jammy", layout = "thin", remote = { type = "file", url = "https://up.example.org/PULP_MANIFEST" } }]
}

run "defaults" {
  assert {
    condition = jsonencode([for r in cloudflare_r2_bucket_lock.this[0].rules : [r.prefix, r.enabled, r.condition.type, r.condition.max_age_seconds]]) == jsonencode([
      [".asof/pool/", true, "Age", 30 * 86400],
      [".asof/manifests/", true, "Age", 30 * 86400],
      [".asof/segments/", true, "Age", 30 * 86400],
      ["ubuntu/jammy/2", true, "Age", 30 * 86400],
    ])
    error_message = "what never changes is locked: not the index, not the list, nothing of .asof/repos"
  }

  assert {
    condition     = jsonencode([for b in cloudflare_workers_script.this.bindings : [b.type, b.name, b.bucket_name]]) == jsonencode([["r2_bucket", "BUCKET", "packages"]])
    error_message = "the worker has the bucket"
  }

  assert {
    condition     = cloudflare_workers_script_subdomain.this.enabled && length(cloudflare_workers_custom_domain.this) + length(cloudflare_workers_route.this) == 0 && output.url == null
    error_message = "without a name it is served under workers.dev"
  }

  assert {
    condition = yamldecode(output.asof_yaml) == {
      store = "s3://packages?endpoint=https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com&region=auto&path_style=true"
      repos = [{ name = "jammy", path = "ubuntu/jammy", layout = "thin", remote = { type = "file", url = "https://up.example.org/PULP_MANIFEST" } }]
    }
    error_message = "asof.yaml is ready"
  }
}

run "domain" {
  variables {
    zone_id      = "0123456789abcdef0123456789abcdef"
    hostname     = "packages.example.org"
    jurisdiction = "eu"
    lock_days    = 0
  }

  assert {
    condition     = cloudflare_workers_custom_domain.this[0].hostname == "packages.example.org" && !cloudflare_workers_script_subdomain.this.enabled && output.url == "https://packages.example.org/"
    error_message = "a custom domain, and no other"
  }

  assert {
    condition     = strcontains(output.store, ".eu.r2.cloudflarestorage.com") && cloudflare_workers_script.this.bindings[0].jurisdiction == "eu"
    error_message = "the jurisdiction has its own address"
  }

  assert {
    condition     = length(cloudflare_r2_bucket_lock.this) == 0
    error_message = "no lock if not wanted"
  }
}

run "route" {
  variables {
    zone_id = "0123456789abcdef0123456789abcdef"
    route   = "www.example.org/packages/*"
  }

  assert {
    condition     = cloudflare_workers_route.this[0].pattern == "www.example.org/packages/*" && cloudflare_workers_route.this[0].script == "packages"
    error_message = "a route to the worker"
  }
}

run "name" {
  command = plan

  variables {
    name = "No"
  }

  expect_failures = [var.name]
}

run "account_id" {
  command = plan

  variables {
    account_id = "mine"
  }

  expect_failures = [var.account_id]
}

run "zone_id" {
  command = plan

  variables {
    hostname = "packages.example.org"
  }

  expect_failures = [var.zone_id]
}

run "lock_days" {
  command = plan

  variables {
    lock_days = -1
  }

  expect_failures = [var.lock_days]
}

run "worker" {
  command = plan

  variables {
    worker = "tests/missing.js"
  }

  expect_failures = [cloudflare_workers_script.this]
}
