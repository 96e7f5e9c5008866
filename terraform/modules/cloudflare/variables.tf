variable "name" {
  description = "The bucket's and the worker's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name: 3 to 63 lower-case letters, digits and dashes, without a dash at its ends."
  }
}

variable "account_id" {
  description = "The account."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{32}$", var.account_id))
    error_message = "account_id: 32 hexadecimal digits."
  }
}

variable "zone_id" {
  description = "The zone of hostname or route."
  type        = string
  default     = null

  validation {
    condition     = (var.hostname == null && var.route == null) || var.zone_id != null
    error_message = "zone_id: hostname and route need the zone that they belong to."
  }
}

variable "hostname" {
  description = "Serve under this name. Cloudflare creates it as a custom domain."
  type        = string
  default     = null

  validation {
    condition     = var.hostname == null || var.route == null
    error_message = "hostname: give a hostname or a route, not both."
  }
}

variable "route" {
  description = "Serve requests that match, under an existing name, for instance www.example.org/packages/*."
  type        = string
  default     = null
}

variable "location" {
  description = "A hint where to place the bucket: weur, eeur, enam, wnam, apac or oc."
  type        = string
  default     = null

  validation {
    condition     = var.location == null || contains(["weur", "eeur", "enam", "wnam", "apac", "oc"], coalesce(var.location, "weur"))
    error_message = "location: weur, eeur, enam, wnam, apac or oc."
  }
}

variable "jurisdiction" {
  description = "Where the data must stay: default, eu or fedramp."
  type        = string
  default     = "default"

  validation {
    condition     = contains(["default", "eu", "fedramp"], var.jurisdiction)
    error_message = "jurisdiction: default, eu or fedramp."
  }
}

variable "repos" {
  description = "The repos, as in asof.yaml: for the output asof_yaml, and for the locks on their trees."
  type = list(object({
    name   = string
    path   = optional(string)
    layout = optional(string)
    remote = map(string)
  }))
  default = []

  validation {
    condition     = alltrue([for r in var.repos : contains(keys(r.remote), "type")])
    error_message = "repos: a remote has a type."
  }
}

variable "lock_days" {
  description = "How many days nobody can delete or overwrite blobs, manifests and the trees of repos. 0: no lock. Set gc --grace as long."
  type        = number
  default     = 30

  validation {
    condition     = var.lock_days >= 0 && floor(var.lock_days) == var.lock_days
    error_message = "lock_days: a whole number from 0 on."
  }
}

variable "worker" {
  description = "The worker's file. Default: this repository's resolver/edge/worker.js."
  type        = string
  default     = null
}

variable "compatibility_date" {
  description = "The version of the Workers runtime."
  type        = string
  default     = "2025-09-01"

  validation {
    condition     = can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", var.compatibility_date))
    error_message = "compatibility_date: YYYY-MM-DD."
  }
}
