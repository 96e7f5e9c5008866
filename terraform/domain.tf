locals {
  has_domain       = length(var.domain_names) > 0
  makes_cert       = local.has_domain && var.certificate_arn == null
  certificate_arn  = local.makes_cert ? aws_acm_certificate_validation.this[0].certificate_arn : var.certificate_arn
  alias_records    = var.zone_id == null ? [] : setproduct(var.domain_names, ["A", "AAAA", "HTTPS"])
  certificate_made = local.makes_cert ? toset(var.domain_names) : toset([])
}

resource "aws_acm_certificate" "this" {
  count = local.makes_cert ? 1 : 0

  region                    = "us-east-1" # where CloudFront looks
  domain_name               = var.domain_names[0]
  subject_alternative_names = slice(var.domain_names, 1, length(var.domain_names))
  validation_method         = "DNS"
  tags                      = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = local.certificate_made

  zone_id         = var.zone_id
  name            = one([for o in aws_acm_certificate.this[0].domain_validation_options : o.resource_record_name if o.domain_name == each.key])
  type            = one([for o in aws_acm_certificate.this[0].domain_validation_options : o.resource_record_type if o.domain_name == each.key])
  records         = [for o in aws_acm_certificate.this[0].domain_validation_options : o.resource_record_value if o.domain_name == each.key]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count = local.makes_cert ? 1 : 0

  region                  = "us-east-1"
  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [for r in aws_route53_record.validation : r.fqdn]
}

resource "aws_route53_record" "alias" {
  for_each = { for r in local.alias_records : "${r[0]} ${r[1]}" => { name = r[0], type = r[1] } }

  zone_id = var.zone_id
  name    = each.value.name
  type    = each.value.type

  alias {
    name                   = aws_cloudfront_distribution.this.domain_name
    zone_id                = aws_cloudfront_distribution.this.hosted_zone_id
    evaluate_target_health = false
  }
}
