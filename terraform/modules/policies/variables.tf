variable "bucket" {
  description = "The store's bucket."
  type        = string
}

variable "prefix" {
  description = "The store's prefix in the bucket, without slashes at its ends. Empty: the bucket holds only the store."
  type        = string
  default     = ""

  validation {
    condition     = trim(var.prefix, "/") == var.prefix
    error_message = "prefix: no slash at its ends."
  }
}

variable "partition" {
  description = "The partition of the bucket's ARN: aws, aws-cn or aws-us-gov. MinIO wants aws."
  type        = string
  default     = "aws"
}

variable "retention" {
  description = "Whether asof.yaml sets a retention. The publisher then needs one more right."
  type        = bool
  default     = false
}
