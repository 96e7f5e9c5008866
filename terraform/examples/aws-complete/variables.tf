variable "zone_id" {
  description = "The Route 53 zone of example.org."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets from which a task reaches upstream and S3."
  type        = list(string)
}
