variable "name" {
  description = "Prefix of every resource's name."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name: 3 to 32 lower-case letters, digits and dashes, without a dash at its ends."
  }
}

variable "layout" {
  description = "How the CDN finds files. full: in the bucket; the resolver answers the rest. thin: the resolver answers, and blobs come from the bucket. Use full for a store with both layouts."
  type        = string
  default     = "full"

  validation {
    condition     = contains(["full", "thin"], var.layout)
    error_message = "layout: full or thin."
  }
}

variable "repos" {
  description = "The repos, as in asof.yaml: for the outputs asof_yaml and github_workflow, the schedule, the alarms on the horizon's age, and cold_storage."
  type = list(object({
    name   = string
    path   = optional(string)
    layout = optional(string)
    remote = map(string)
  }))
  default = []

  validation {
    condition     = length(distinct(var.repos[*].name)) == length(var.repos)
    error_message = "repos: a name is listed twice."
  }

  validation {
    condition     = alltrue([for r in var.repos : can(regex("^[A-Za-z0-9_+~][A-Za-z0-9._+~-]*(/[A-Za-z0-9_+~][A-Za-z0-9._+~-]*)*$", coalesce(r.path, r.name)))])
    error_message = "repos: a path is segments of letters, digits and . _ - + ~ joined by slashes; none begins with a dot or a dash."
  }

  validation {
    condition     = alltrue([for r in var.repos : contains(["full", "thin"], coalesce(r.layout, "full"))])
    error_message = "repos: a layout is full or thin."
  }

  validation {
    condition     = alltrue([for r in var.repos : contains(keys(r.remote), "type")])
    error_message = "repos: a remote has a type."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}

# The bucket

variable "bucket_name" {
  description = "The bucket's name. Default: name, a dash, and the account's number."
  type        = string
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name: 3 to 63 lower-case letters, digits and dashes (a dot would break TLS)."
  }
}

variable "kms_key_arn" {
  description = "Encrypt with this key (SSE-KMS) instead of Amazon's (SSE-S3). Its policy must let CloudFront decrypt: see the output kms_key_statement."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn: the ARN of a key, not of an alias."
  }
}

variable "object_lock" {
  description = "Make the bucket with Object Lock, and set this retention in asof.yaml. It can't be added to a bucket later."
  type = object({
    mode = string
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null || contains(["governance", "compliance"], try(var.object_lock.mode, ""))
    error_message = "object_lock: the mode is governance or compliance."
  }

  validation {
    condition     = var.object_lock == null || try(var.object_lock.days >= 1 && var.object_lock.days <= 36500 && floor(var.object_lock.days) == var.object_lock.days, false)
    error_message = "object_lock: 1 to 36500 whole days."
  }
}

variable "noncurrent_days" {
  description = "How many days to keep overwritten and deleted versions: old registers, and what gc removed."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days: a whole number from 1 on."
  }
}

variable "cold_storage" {
  description = "Move the trees of repos to a cheaper class after this many days. Only classes that answer at once; reading from them costs extra."
  type = object({
    after_days    = number
    storage_class = optional(string, "STANDARD_IA")
  })
  default = null

  validation {
    condition     = var.cold_storage == null || contains(["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], try(var.cold_storage.storage_class, ""))
    error_message = "cold_storage: STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING or GLACIER_IR. The others do not answer at once."
  }

  validation {
    condition     = var.cold_storage == null || try(var.cold_storage.after_days >= 30, false)
    error_message = "cold_storage: 30 days or more; Amazon takes no less."
  }

  validation {
    condition     = var.cold_storage == null || length(var.repos) > 0
    error_message = "cold_storage: needs repos, whose paths say what may move."
  }
}

variable "enforce_conditional_writes" {
  description = "Refuse every write that could overwrite unnoticed, whoever sends it."
  type        = bool
  default     = true
}

variable "deleter_arns" {
  description = "Roles and users besides the janitor that may delete objects, if their own policies allow it."
  type        = list(string)
  default     = []
}

variable "force_destroy" {
  description = "Let terraform destroy delete a bucket that holds objects."
  type        = bool
  default     = false
}

# The CDN

variable "domain_names" {
  description = "Names of the CDN besides its CloudFront name."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.domain_names) == 0 || var.zone_id != null || var.certificate_arn != null
    error_message = "domain_names: needs zone_id, to make a certificate and the records, or certificate_arn."
  }
}

variable "zone_id" {
  description = "The Route 53 zone of domain_names. The module makes records there, and a certificate unless certificate_arn is given."
  type        = string
  default     = null
}

variable "certificate_arn" {
  description = "A certificate for domain_names, in us-east-1."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "certificate_arn: the ARN of a certificate in us-east-1, which is where CloudFront looks."
  }
}

variable "price_class" {
  description = "Where CloudFront answers: PriceClass_100 (Europe, North America), PriceClass_200, PriceClass_All."
  type        = string
  default     = "PriceClass_100"

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class: PriceClass_100, PriceClass_200 or PriceClass_All."
  }
}

variable "web_acl_arn" {
  description = "Your own WAF (scope CLOUDFRONT)."
  type        = string
  default     = null

  validation {
    condition     = var.web_acl_arn == null || var.rate_limit == null
    error_message = "web_acl_arn: give a WAF, or a rate_limit to make one, not both."
  }
}

variable "rate_limit" {
  description = "Make a WAF that blocks addresses with more requests than this in five minutes, and addresses with a bad reputation."
  type        = number
  default     = null

  validation {
    condition     = var.rate_limit == null || try(var.rate_limit >= 10, false)
    error_message = "rate_limit: 10 or more."
  }
}

variable "access_logs" {
  description = "Where CloudFront's access logs go: the ARN of a bucket, a log group or a Firehose stream, and the format (json, plain, w3c, raw, parquet)."
  type = object({
    destination_arn = string
    format          = optional(string, "json")
  })
  default = null

  validation {
    condition     = var.access_logs == null || contains(["json", "plain", "w3c", "raw", "parquet"], try(var.access_logs.format, ""))
    error_message = "access_logs: the format is json, plain, w3c, raw or parquet."
  }
}

variable "viewer_function" {
  description = "The file of the CDN's function for viewer requests. Default: this repository's resolver/edge/cloudfront.js."
  type        = string
  default     = null
}

# The resolver

variable "resolver_zip" {
  description = "The resolver, as make lambda builds it. Default: this repository's bin/asof-lambda-arm64.zip, or the x86_64 one."
  type        = string
  default     = null
}

variable "resolver_architecture" {
  description = "arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.resolver_architecture)
    error_message = "resolver_architecture: arm64 or x86_64."
  }
}

variable "resolver_memory" {
  description = "Memory of the resolver in MiB. It holds all indexes. Its CPU share grows with its memory."
  type        = number
  default     = 512

  validation {
    condition     = var.resolver_memory >= 128 && var.resolver_memory <= 10240
    error_message = "resolver_memory: 128 to 10240."
  }
}

variable "resolver_concurrency" {
  description = "The most resolvers at a time, reserved from the account's limit. -1: no reservation."
  type        = number
  default     = -1

  validation {
    condition     = var.resolver_concurrency == -1 || var.resolver_concurrency >= 1
    error_message = "resolver_concurrency: -1, or 1 and more."
  }
}

variable "log_retention_days" {
  description = "How many days to keep the logs of resolver and schedule."
  type        = number
  default     = 30
}

# Roles

variable "oidc" {
  description = "Who issues the tokens of CI jobs. For GitLab: issuer https://gitlab.com and the audience of id_tokens. provider_arn: the account's provider for the issuer, if it has one already."
  type = object({
    issuer       = optional(string, "https://token.actions.githubusercontent.com")
    audience     = optional(string, "sts.amazonaws.com")
    provider_arn = optional(string)
  })
  default = {}

  validation {
    condition     = can(regex("^https://[^/?#]+(/[^?#]*[^/?#])?$", var.oidc.issuer))
    error_message = "oidc: the issuer is an https URL without a slash at its end."
  }
}

variable "publisher_subjects" {
  description = "Token subjects that may publish, for instance repo:org/name:ref:refs/heads/main. A * stands for any text."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for s in var.publisher_subjects : can(regex("^[^*?]{6}", s))])
    error_message = "publisher_subjects: a subject that begins with * or ? within its first six characters would let anybody's jobs in."
  }
}

variable "janitor_subjects" {
  description = "Token subjects that may prune and collect, for instance repo:org/name:environment:janitor. Keep them apart from the publisher's."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for s in var.janitor_subjects : can(regex("^[^*?]{6}", s))])
    error_message = "janitor_subjects: a subject that begins with * or ? within its first six characters would let anybody's jobs in."
  }

  validation {
    condition     = length(setintersection(var.janitor_subjects, var.publisher_subjects)) == 0
    error_message = "janitor_subjects: a subject is the publisher's too, and so could publish and delete."
  }
}

variable "publisher_arns" {
  description = "AWS roles and users that may assume the publisher's role."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.publisher_arns : can(regex("^arn:[a-z-]+:(iam|sts)::[0-9]{12}:", a))])
    error_message = "publisher_arns: ARNs of IAM."
  }
}

variable "janitor_arns" {
  description = "AWS roles and users that may assume the janitor's role."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.janitor_arns : can(regex("^arn:[a-z-]+:(iam|sts)::[0-9]{12}:", a))])
    error_message = "janitor_arns: ARNs of IAM."
  }
}

# Alarms and schedule

variable "alarms" {
  description = "Alarms on errors, throttling, and repos whose horizon did not move for horizon_hours. They go to emails; others subscribe to the topics."
  type = object({
    emails        = optional(list(string), [])
    horizon_hours = optional(number, 26)
    error_percent = optional(number, 5)
  })
  default = null

  validation {
    condition     = var.alarms == null || try(var.alarms.horizon_hours >= 1 && var.alarms.horizon_hours <= 168 && floor(var.alarms.horizon_hours) == var.alarms.horizon_hours, false)
    error_message = "alarms: horizon_hours is a whole number from 1 to 168."
  }
}

variable "schedule" {
  description = "Run asof publish in Fargate: when (rate(6 hours), cron(0 3 * * ? *)), the image that holds asof, and the subnets. secrets: environment variables and the ARNs of their secrets."
  type = object({
    expression         = string
    timezone           = optional(string, "UTC")
    image              = string
    subnet_ids         = list(string)
    security_group_ids = optional(list(string), [])
    public_ip          = optional(bool, true)
    architecture       = optional(string, "arm64")
    cpu                = optional(number, 1024)
    memory             = optional(number, 2048)
    disk_gib           = optional(number, 21)
    secrets            = optional(map(string), {})
  })
  default = null

  validation {
    condition     = var.schedule == null || can(regex("^(rate|cron|at)\\(.+\\)$", try(var.schedule.expression, "")))
    error_message = "schedule: the expression is rate(…), cron(…) or at(…)."
  }

  validation {
    condition     = var.schedule == null || try(length(var.schedule.subnet_ids) > 0, false)
    error_message = "schedule: needs a subnet."
  }

  validation {
    condition     = var.schedule == null || contains(["arm64", "x86_64"], try(var.schedule.architecture, ""))
    error_message = "schedule: the architecture is arm64 or x86_64."
  }

  validation {
    condition     = var.schedule == null || length(var.repos) > 0
    error_message = "schedule: needs repos, to publish."
  }

  validation {
    condition     = var.schedule == null || alltrue([for arn in values(try(var.schedule.secrets, {})) : can(regex("^arn:[a-z-]+:(secretsmanager|ssm):", arn))])
    error_message = "schedule: secrets are ARNs of Secrets Manager or of SSM parameters."
  }
}
