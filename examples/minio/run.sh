#!/usr/bin/env bash
# A complete asof on one machine, without containers: MinIO, a bucket, users with least
# rights, and asof serve in front. It needs minio, mc and asof in PATH.
#
#   examples/minio/run.sh
#
# makes the folder asof-minio, or the one that you name. It gets the data, an asof.yaml
# and an upstream to start from, and the credentials in publisher.env and janitor.env.
# Existing files are kept. In another terminal:
#
#   cd asof-minio && set -a && . ./publisher.env && asof publish
#
# Ctrl-C ends everything. MINIO_ADDRESS and SERVE_ADDRESS choose other addresses.
set -euo pipefail
minio_at=${MINIO_ADDRESS:-127.0.0.1:9000} serve_at=${SERVE_ADDRESS:-127.0.0.1:8080}
export BUCKET=${BUCKET:-asof} PREFIX=${PREFIX:-snapshots}
for at in "$minio_at" "$serve_at"; do
  if (exec 3<>"/dev/tcp/${at%:*}/${at##*:}") 2>/dev/null; then
    echo "$at is taken: set MINIO_ADDRESS or SERVE_ADDRESS to a free one" >&2
    exit 1
  fi
done
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-asof-minio}
mkdir -p "$folder"
cd "$folder"
umask 077

secret() { od -An -N20 -tx1 /dev/urandom | tr -d ' \n'; }
[[ -f root.env ]] || printf 'MINIO_ROOT_USER=root\nMINIO_ROOT_PASSWORD=%s\n' "$(secret)" >root.env
for role in publisher janitor resolver; do
  [[ -f $role.env ]] || printf 'AWS_ACCESS_KEY_ID=asof-%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$role" "$(secret)" >$role.env
  declare -x "${role^^}_SECRET=$(. "./$role.env" && echo "$AWS_SECRET_ACCESS_KEY")"
done
[[ -f asof.yaml ]] || cat >asof.yaml <<END
store: minio://$minio_at/$BUCKET/$PREFIX
serve: {listen: "$serve_at"}
repos:
  - name: hello
    remote: {type: dir, path: upstream}
END
mkdir -p upstream
[[ -n $(ls -A upstream) ]] || echo hello >upstream/hello.txt

# with FILE COMMAND...: replaces this shell with COMMAND, with the variables of FILE.
with() {
  set -a
  . "./$1"
  shift
  exec "$@"
}

trap 'trap - EXIT; kill $(jobs -p) 2>/dev/null; wait' EXIT
trap 'exit 130' INT TERM
with root.env minio server --quiet --address "$minio_at" ./data &
. ./root.env
export MC_HOST_store="http://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@$minio_at" MC_CONFIG_DIR=$PWD/mc
until mc --quiet ready store >/dev/null 2>&1; do
  kill -0 %1 2>/dev/null || { echo "minio has ended" >&2; exit 1; }
  sleep 0.2
done
"$here/setup.sh"
with resolver.env asof serve &
wait -n # until one of the two ends
