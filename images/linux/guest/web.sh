# SPDX-License-Identifier: Apache-2.0
# nginx serves a tree of a few hundred files; each is asked for twice, so that they are in the page cache.
mkdir -p /run/nginx /var/lib/nginx /var/log/nginx
nginx -c /nginx.conf

find /srv/www -type f | sed 's|^/srv/www|http://localhost|' >/run/urls
for _ in 1 2; do
  wget --quiet --input-file=/run/urls --output-document=/dev/null
done
echo "web: $(wc -l </run/urls) files, $(du -sm /srv/www | cut -f1) MiB, $(wc -l </var/log/nginx/access.log) requests"
