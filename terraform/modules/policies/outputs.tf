output "publisher" {
  description = "The publisher's policy: get, put (but for the janitor's notes) and list. JSON."
  value       = jsonencode(local.publisher)
}

output "janitor" {
  description = "The janitor's policy: get, list and delete, and write the index, its lists, records and segments, pins, and its own notes. JSON."
  value       = jsonencode(local.policies.janitor)
}

output "resolver" {
  description = "The policy of the resolver and of other readers. JSON."
  value       = jsonencode(local.policies.resolver)
}

output "promoter" {
  description = "The policy of who moves rings and need not publish: get, list, and put their register. JSON."
  value       = jsonencode(local.policies.promoter)
}
