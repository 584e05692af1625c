# SPDX-License-Identifier: Apache-2.0
# PostgreSQL with a database of pgbench: a cluster of the guest's own, its tables read by index from clients of its own.
PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
mkdir -p /work/data /run/postgresql
echo "postgres:x:999:999::/work:/bin/sh" >>/etc/passwd
echo "postgres:x:999:" >>/etc/group
chown -R postgres:postgres /work /run/postgresql
as_postgres() { (cd /work && setpriv --reuid=postgres --regid=postgres --clear-groups "$@"); }

export PGHOST=/run/postgresql

as_postgres initdb --no-sync --locale=C.UTF-8 --auth=trust -D data >/run/initdb.log
as_postgres pg_ctl -D data -w -t 300 -l log \
  -o "-k $PGHOST -c shared_buffers=48MB -c max_wal_size=32MB -c fsync=off -c jit=off -c autovacuum=off" start >/run/start.log || {
  cat /work/log
  exit 1
}
as_postgres pgbench --initialize --quiet --scale=2 postgres 2>/run/pgbench.log
as_postgres pgbench --select-only --client=4 --transactions=100 postgres >/run/queries.log 2>&1
as_postgres psql --quiet --command=CHECKPOINT postgres
grep processed /run/queries.log
du -sm /work/data
