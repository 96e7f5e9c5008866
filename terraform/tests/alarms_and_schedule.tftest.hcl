# Alarms, the schedule, and the outputs that depend on repos.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name               = "packages"
  viewer_function    = "tests/viewer.js"
  resolver_zip       = "tests/resolver.zip"
  publisher_subjects = ["repo:org/name:ref:refs/heads/main"]
  repos = [
    { name = "myfile", layout = "thin", remote = { type = "file", url = "https://up.example.org/PULP_MANIFEST" } },
    { name = "jammy", path = "ubuntu/jammy", remote = { type = "file", url = "https://up.example.org/jammy/PULP_MANIFEST" } },
  ]
}

run "without" {
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) + length(aws_cloudwatch_metric_alarm.horizon) + length(aws_sns_topic.alarms) + length(aws_scheduler_schedule.publish) + length(aws_ecs_cluster.this) == 0
    error_message = "no alarms and no schedule unless asked for"
  }

  assert {
    condition = yamldecode(output.asof_yaml) == {
      store      = "s3://packages-123456789012?region=eu-west-1"
      cloudfront = { distribution = "E2EXAMPLE", key_value_store = "arn:aws:cloudfront::123456789012:key-value-store/a1b2c3d4-0000-4000-8000-000000000000" }
      repos = [
        { name = "myfile", layout = "thin", remote = { type = "file", url = "https://up.example.org/PULP_MANIFEST" } },
        { name = "jammy", path = "ubuntu/jammy", remote = { type = "file", url = "https://up.example.org/jammy/PULP_MANIFEST" } },
      ]
    }
    error_message = "asof.yaml is ready"
  }

  assert {
    condition = alltrue([
      yamldecode(output.github_workflow).permissions["id-token"] == "write",
      yamldecode(output.github_workflow).jobs.publish.steps[1].with == { role-to-assume = output.publisher_role_arn, aws-region = "eu-west-1" },
      yamldecode(output.github_workflow).jobs.publish.steps[3].run == "asof publish -o json",
    ])
    error_message = "the workflow takes the publisher's role and publishes"
  }
}

run "alarms" {
  variables {
    alarms = { emails = ["ops@example.org"], horizon_hours = 8 }
  }

  assert {
    condition = { for name, a in aws_cloudwatch_metric_alarm.this : name => [a.alarm_name, a.region, a.namespace, a.metric_name] } == {
      bucket-errors      = ["packages-bucket-errors", "eu-west-1", "AWS/S3", "5xxErrors"]
      cdn-errors         = ["packages-cdn-errors", "us-east-1", "AWS/CloudFront", "5xxErrorRate"]
      resolver-errors    = ["packages-resolver-errors", "eu-west-1", "AWS/Lambda", "Errors"]
      resolver-throttled = ["packages-resolver-throttled", "eu-west-1", "AWS/Lambda", "Throttles"]
    }
    error_message = "errors and throttling"
  }

  assert {
    condition = { for name, a in aws_cloudwatch_metric_alarm.horizon : name => [a.dimensions.FilterId, a.evaluation_periods * a.period, a.treat_missing_data] } == {
      myfile = ["index-myfile", 8 * 3600, "breaching"]
      jammy  = ["index-jammy", 8 * 3600, "breaching"]
    }
    error_message = "each repo's horizon"
  }

  assert {
    condition     = { for name, m in aws_s3_bucket_metric.index : name => m.filter[0].prefix } == { myfile = "myfile/checkpoints.json", jammy = "ubuntu/jammy/checkpoints.json" }
    error_message = "which is seen by writes of its index"
  }

  assert {
    condition     = keys(output.alarm_topic_arns) == ["eu-west-1", "us-east-1"] && length(aws_sns_topic_subscription.email) == 2
    error_message = "a topic in each region that has alarms"
  }
}

run "schedule" {
  variables {
    alarms = {}
    schedule = {
      expression = "rate(6 hours)"
      image      = "registry.example.org/asof:1"
      subnet_ids = ["subnet-1", "subnet-2"]
      secrets    = { MYFILE_PASSWORD = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:myfile:password::", TOKEN = "arn:aws:ssm:eu-west-1:123456789012:parameter/token" }
    }
  }

  assert {
    condition     = aws_scheduler_schedule.publish[0].schedule_expression == "rate(6 hours)" && aws_scheduler_schedule.publish[0].target[0].ecs_parameters[0].launch_type == "FARGATE"
    error_message = "the schedule starts a task in Fargate"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.publish[0].container_definitions)[1].command == ["publish", "--config", "/etc/asof/asof.yaml", "--log-format", "json", "--log-level", "info"]
    error_message = "the task publishes"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.publish[0].container_definitions)[0].environment[0].value == output.asof_yaml
    error_message = "the task has asof.yaml"
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role.publisher[0].assume_role_policy).Statement : s.Sid] == ["JobsOfCI", "TasksOfTheSchedule"]
    error_message = "the task takes the publisher's role"
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.execution[0].policy).Statement : s.Resource if s.Sid == "ReadSecrets"] == [["arn:aws:secretsmanager:eu-west-1:123456789012:secret:myfile", "arn:aws:ssm:eu-west-1:123456789012:parameter/token"]]
    error_message = "ECS reads these secrets alone"
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.this), "schedule-errors")
    error_message = "a schedule that fails alarms"
  }
}
