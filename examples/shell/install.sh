#!/bin/sh
# Installs one release of asof into a folder, if its bytes are the expected ones:
#
#   ASOF_URL     of asof_VERSION_linux_amd64.tar.gz, wherever you keep releases
#   ASOF_SHA256  its line in the release's SHA256SUMS, which you looked up once
#
#   install.sh FOLDER
set -eu
dir=${1:?a folder}
: "${ASOF_URL:?the address of a release}" "${ASOF_SHA256:?the SHA-256 of that file}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
curl -fsSL --retry 3 -o "$tmp/asof.tar.gz" "$ASOF_URL"
echo "$ASOF_SHA256  $tmp/asof.tar.gz" | sha256sum -c - || {
  echo "$ASOF_URL is not the release that ASOF_SHA256 names: nothing is installed" >&2
  exit 1
}
tar -xzf "$tmp/asof.tar.gz" -C "$tmp"
mkdir -p "$dir"
cp "$tmp"/asof_*/asof "$dir/asof"
"$dir/asof" version
