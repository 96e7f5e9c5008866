#!/bin/sh
# Publishes what a build has put into dist/, from any job engine. Copy this file,
# install.sh and asof.yaml into a folder ci/ of your repository, and run ci/dist.sh
# where dist/ is. It needs:
#
#   ASOF_URL, ASOF_SHA256                     the release of asof: see install.sh
#   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  a publisher's, or what else the store takes
#
# The same dist/ again makes no new checkpoint. What can't be published ends the job.
set -eu
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
"$(dirname "$0")/install.sh" "$bin"
"$bin/asof" publish --config "$(dirname "$0")/asof.yaml"
