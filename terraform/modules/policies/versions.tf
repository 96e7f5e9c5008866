# No provider: the policies are text, for any S3-compatible store.
terraform {
  required_version = ">= 1.9"
}
