# The function for viewer requests, and the store in which it looks up times. A bucket
# knows neither directories nor times. The function fixes the path before the bucket gets
# it, and answers what it knows itself.
locals {
  viewer_file = coalesce(var.viewer_function, "${path.module}/../resolver/edge/cloudfront.js")
}

resource "aws_cloudfront_key_value_store" "times" {
  name    = "${var.name}-times"
  comment = "When the checkpoints of ${var.name} were"
}

resource "aws_cloudfront_function" "viewer" {
  name                         = "${var.name}-viewer"
  comment                      = "Times and directories of ${var.name}"
  runtime                      = "cloudfront-js-2.0"
  code                         = fileexists(local.viewer_file) ? file(local.viewer_file) : "-"
  key_value_store_associations = [aws_cloudfront_key_value_store.times.arn]
  publish                      = true

  lifecycle {
    precondition {
      condition     = fileexists(local.viewer_file)
      error_message = "viewer_function: there is no file ${local.viewer_file}."
    }
  }
}
