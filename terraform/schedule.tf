# asof publish without a server of your own: EventBridge Scheduler starts a task in
# Fargate. Overlapping runs are harmless.
locals {
  scheduled = var.schedule == null ? 0 : 1
}

resource "aws_cloudwatch_log_group" "publish" {
  count = local.scheduled

  name              = "/asof/${var.name}-publish"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

resource "aws_ecs_cluster" "this" {
  count = local.scheduled

  name = var.name
  tags = var.tags
}

# The first container writes asof.yaml, because the second one's image may hold only
# asof.
resource "aws_ecs_task_definition" "publish" {
  count = local.scheduled

  family                   = "${var.name}-publish"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.schedule.cpu
  memory                   = var.schedule.memory
  task_role_arn            = aws_iam_role.publisher[0].arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.schedule.architecture)
  }

  ephemeral_storage {
    size_in_gib = var.schedule.disk_gib
  }

  volume {
    name = "config"
  }

  container_definitions = jsonencode([
    {
      name        = "config"
      image       = "public.ecr.aws/docker/library/busybox:1.37"
      essential   = false
      command     = ["sh", "-c", "printf '%s' \"$ASOF_YAML\" >/etc/asof/asof.yaml"]
      environment = [{ name = "ASOF_YAML", value = local.asof_yaml }]
      mountPoints = [{ sourceVolume = "config", containerPath = "/etc/asof", readOnly = false }]
    },
    {
      name        = "asof"
      image       = var.schedule.image
      essential   = true
      command     = ["publish", "--config", "/etc/asof/asof.yaml", "--log-format", "json", "--log-level", "info"]
      dependsOn   = [{ containerName = "config", condition = "SUCCESS" }]
      mountPoints = [{ sourceVolume = "config", containerPath = "/etc/asof", readOnly = true }]
      secrets     = [for name, arn in var.schedule.secrets : { name = name, valueFrom = arn }]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.publish[0].name
          awslogs-region        = local.region
          awslogs-stream-prefix = "publish"
        }
      }
    },
  ])
}

# What ECS itself needs, before asof runs: to log, to pull from the account's
# registry, to read the secrets.
resource "aws_iam_role" "execution" {
  count = local.scheduled

  name = "${var.name}-publish-execution"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Tasks"
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "execution" {
  count = local.scheduled

  name = "start"
  role = aws_iam_role.execution[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.publish[0].arn}:*"
        },
        {
          Sid      = "LogInToTheRegistry"
          Effect   = "Allow"
          Action   = "ecr:GetAuthorizationToken"
          Resource = "*" # it knows no other
        },
        {
          Sid      = "Pull"
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = "arn:${local.partition}:ecr:*:${local.account}:repository/*"
        },
      ],
      # After its seventh part an ARN names a key inside a secret.
      [for arns in [distinct([for arn in values(var.schedule.secrets) : join(":", slice(concat(split(":", arn), ["", ""]), 0, startswith(split(":", arn)[2], "ssm") ? 6 : 7))])] : {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue", "ssm:GetParameters"]
        Resource = arns
      } if length(arns) > 0],
    )
  })
}

resource "aws_iam_role" "scheduler" {
  count = local.scheduled

  name = "${var.name}-scheduler"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Scheduler"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "scheduler" {
  count = local.scheduled

  name = "run"
  role = aws_iam_role.scheduler[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RunTheTask"
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "${aws_ecs_task_definition.publish[0].arn_without_revision}:*"
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this[0].arn } }
      },
      {
        Sid       = "HandItsRolesOver"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [aws_iam_role.publisher[0].arn, aws_iam_role.execution[0].arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_scheduler_schedule_group" "this" {
  count = local.scheduled

  name = var.name
  tags = var.tags
}

resource "aws_scheduler_schedule" "publish" {
  count = local.scheduled

  name                         = "${var.name}-publish"
  group_name                   = aws_scheduler_schedule_group.this[0].name
  description                  = "asof publish"
  schedule_expression          = var.schedule.expression
  schedule_expression_timezone = var.schedule.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_ecs_cluster.this[0].arn
    role_arn = aws_iam_role.scheduler[0].arn

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.publish[0].arn
      launch_type         = "FARGATE"

      network_configuration {
        subnets          = var.schedule.subnet_ids
        security_groups  = var.schedule.security_group_ids
        assign_public_ip = var.schedule.public_ip
      }
    }

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }
  }
}
