#!/bin/sh
# Common to all stand-ins: add the host's CA bundle, remove APT's caches and logs.
set -eu
root=$1
bundle=$2

mkdir -p "$root/etc/ssl/certs"
cp "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
chmod 644 "$root/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$root/usr/lib/ssl"
[ -e "$root/usr/lib/ssl/cert.pem" ] || ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"

find "$root/var/lib/apt/lists" -mindepth 1 -delete
find "$root/var/cache" "$root/var/log" -type f -delete
rm -rf "$root"/var/lib/dpkg/*-old "$root"/var/cache/ldconfig/aux-cache
find "$root/usr/lib/python3" "$root"/usr/lib/python3.* -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
