#!/usr/bin/env bash
# Makes the bucket, and the users asof-publisher, asof-janitor and asof-resolver with
# the rights of ../policies. It needs MinIO's mc. You can run it again.
#
#   MC_HOST_store                        http://USER:PASSWORD@HOST:PORT, as mc reads it
#   BUCKET, PREFIX                       the store
#   PUBLISHER_SECRET, JANITOR_SECRET,
#   RESOLVER_SECRET                      the users' secrets
set -euo pipefail
policies=${POLICIES:-$(dirname "${BASH_SOURCE[0]}")/../policies}
file=$(mktemp)
trap 'rm -f "$file"' EXIT

mc mb --quiet --ignore-existing "store/$BUCKET"
for role in publisher janitor resolver; do
  user=asof-$role secret=${role^^}_SECRET
  policy=$(<"$policies/$role.json")
  policy=${policy//BUCKET/$BUCKET}
  printf '%s\n' "${policy//PREFIX/$PREFIX}" >"$file"
  mc --quiet admin policy create store "$user" "$file"
  mc --quiet admin user add store "$user" "${!secret}"
  if [[ $(mc --json admin user info store "$user") != *"\"policyName\":\"$user\""* ]]; then
    mc --quiet admin policy attach store "$user" --user "$user"
  fi
done
