#!/bin/sh
# Stands in for the start of PostgreSQL's official image: the same variables and folders,
# and the same order, in which a new database is first served on a socket alone.
set -eu
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres "$PGDATA"
  exec su postgres -c 'exec /bin/entrypoint'
fi
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  eval initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" "$POSTGRES_INITDB_ARGS"
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --options "-c listen_addresses=''" start
  PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
  export PGPASSWORD
  psql --username="$POSTGRES_USER" --dbname=postgres --command="CREATE DATABASE $POSTGRES_DB"
  for file in /docker-entrypoint-initdb.d/*.sh; do
    "$file"
  done
  pg_ctl --wait --mode=fast stop
  unset PGPASSWORD
fi
exec postgres -c listen_addresses='*'
