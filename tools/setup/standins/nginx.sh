#!/bin/sh
# Arrange Debian's nginx as in the official nginx image.
set -eu
root=$1
etc=$root/etc/nginx

rm -rf "$etc"/sites-* "$etc"/snippets "$etc"/modules-* "$etc"/koi-* "$etc"/win-utf "$etc"/proxy_params \
    "$etc"/fastcgi.conf "$root"/var/www
mkdir -p "$etc/conf.d" "$root/var/cache/nginx" "$root/usr/share/nginx/html"
ln -sfn /usr/lib/nginx/modules "$etc/modules"

chroot "$root" groupadd --system --gid 101 nginx
chroot "$root" useradd --system --uid 101 --gid 101 --no-create-home \
    --home-dir /nonexistent --shell /bin/false nginx
chroot "$root" chown nginx:nginx /var/cache/nginx

ln -sf /dev/stdout "$root/var/log/nginx/access.log"
ln -sf /dev/stderr "$root/var/log/nginx/error.log"

cat > "$etc/nginx.conf" <<'CONF'
user  nginx;
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;
    access_log    /var/log/nginx/access.log;
    sendfile      on;
    keepalive_timeout  65;
    include /etc/nginx/conf.d/*.conf;
}
CONF
cat > "$etc/conf.d/default.conf" <<'CONF'
server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }
}
CONF
