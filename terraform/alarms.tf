# CloudFront's metrics are in us-east-1, and an alarm can notify only a topic in its own
# region. So there are two topics, unless everything is in us-east-1.
locals {
  has_alarms    = var.alarms != null
  topic_regions = toset(local.has_alarms ? distinct([local.region, "us-east-1"]) : [])
  topics        = { for region, topic in aws_sns_topic.alarms : region => topic.arn }

  lambda = { FunctionName = aws_lambda_function.resolver.function_name }
  cdn    = { DistributionId = aws_cloudfront_distribution.this.id, Region = "Global" }

  # Each alarm: too much of something, in two periods of five minutes. The CDN also
  # counts the 5xx that the resolver sends on purpose when the store is down.
  error_percent = try(var.alarms.error_percent, 0)
  alarms = {
    for name, alarm in {
      "cdn-errors" = {
        description = "The CDN answers more than ${local.error_percent} % of requests with 5xx"
        region      = "us-east-1", namespace = "AWS/CloudFront", metric = "5xxErrorRate", statistic = "Average"
        dimensions  = local.cdn, threshold = local.error_percent
      }
      "resolver-errors" = {
        description = "The resolver fails"
        region      = local.region, namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum"
        dimensions  = local.lambda, threshold = 0
      }
      "resolver-throttled" = {
        description = "More requests than resolvers: raise resolver_concurrency or the account's limit"
        region      = local.region, namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum"
        dimensions  = local.lambda, threshold = 0
      }
      "bucket-errors" = {
        description = "The bucket answers with 5xx, 503 SlowDown among them: it is throttled, or in trouble"
        region      = local.region, namespace = "AWS/S3", metric = "5xxErrors", statistic = "Sum"
        dimensions  = { BucketName = local.bucket, FilterId = "all" }, threshold = 10
      }
      "schedule-errors" = {
        description = "The schedule could not start a task"
        region      = local.region, namespace = "AWS/Scheduler", metric = "TargetErrorCount", statistic = "Sum"
        dimensions  = { ScheduleGroup = var.name }, threshold = 0
      }
    } : name => alarm if local.has_alarms && (name != "schedule-errors" || var.schedule != null)
  }
}

resource "aws_sns_topic" "alarms" {
  for_each = local.topic_regions

  region = each.key
  name   = "${var.name}-alarms"
  tags   = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  for_each = local.has_alarms ? { for p in setproduct(local.topic_regions, var.alarms.emails) : "${p[1]} ${p[0]}" => { region = p[0], email = p[1] } } : {}

  region    = each.value.region
  topic_arn = aws_sns_topic.alarms[each.value.region].arn
  protocol  = "email"
  endpoint  = each.value.email
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  region              = each.value.region
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [local.topics[each.value.region]]
  ok_actions          = [local.topics[each.value.region]]
  tags                = var.tags
}

resource "aws_s3_bucket_metric" "all" {
  count = local.has_alarms ? 1 : 0

  bucket = aws_s3_bucket.this.id
  name   = "all"
}

# Every publish writes the repo's index, changed or not, and so moves the horizon. The
# horizon is as old as the last write of the index.
resource "aws_s3_bucket_metric" "index" {
  for_each = local.has_alarms ? local.bases : {}

  bucket = aws_s3_bucket.this.id
  name   = "index-${replace(each.key, "/[^A-Za-z0-9._-]/", "-")}"

  filter {
    prefix = "${each.value}/checkpoints.json"
  }
}

resource "aws_cloudwatch_metric_alarm" "horizon" {
  for_each = local.has_alarms ? local.bases : {}

  alarm_name          = "${var.name}-horizon-${replace(each.key, "/", "-")}"
  alarm_description   = "Nothing was published to ${each.key} for ${var.alarms.horizon_hours} hours: its horizon stands still"
  namespace           = "AWS/S3"
  metric_name         = "PutRequests"
  dimensions          = { BucketName = local.bucket, FilterId = aws_s3_bucket_metric.index[each.key].name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = var.alarms.horizon_hours
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [local.topics[local.region]]
  ok_actions          = [local.topics[local.region]]
  tags                = var.tags
}
