# No provider is needed: the rights are text, of any S3-compatible store.
terraform {
  required_version = ">= 1.9"
}
