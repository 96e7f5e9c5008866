output "publisher" {
  description = "The publisher's policy: get, put and list. JSON."
  value       = jsonencode(local.publisher)
}

output "janitor" {
  description = "The janitor's policy: get, list and delete, and write the index, its lists and segments, and pins. JSON."
  value       = jsonencode(local.policies.janitor)
}

output "resolver" {
  description = "The resolver's policy, and that of whoever only reads. JSON."
  value       = jsonencode(local.policies.resolver)
}
