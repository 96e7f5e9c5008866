# CloudFront's access logs. Their API is in us-east-1. The destination may be in any
# region, and must allow delivery.logs.amazonaws.com.
resource "aws_cloudwatch_log_delivery_source" "this" {
  count = var.access_logs == null ? 0 : 1

  region       = "us-east-1"
  name         = var.name
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn
  tags         = var.tags
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  count = var.access_logs == null ? 0 : 1

  region        = "us-east-1"
  name          = var.name
  output_format = var.access_logs.format
  tags          = var.tags

  delivery_destination_configuration {
    destination_resource_arn = var.access_logs.destination_arn
  }
}

resource "aws_cloudwatch_log_delivery" "this" {
  count = var.access_logs == null ? 0 : 1

  region                   = "us-east-1"
  delivery_source_name     = aws_cloudwatch_log_delivery_source.this[0].name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this[0].arn
  tags                     = var.tags
}
