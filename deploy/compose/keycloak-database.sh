#!/bin/sh
# PostgreSQL's image runs this once, on a new database: Keycloak gets one of its own,
# with a role that sees nothing of Fachwerk's.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
  --set=password="$(cat /run/secrets/keycloak_database_password)" <<'END'
CREATE ROLE keycloak LOGIN PASSWORD :'password';
CREATE DATABASE keycloak OWNER keycloak ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE CONNECT ON DATABASE fachwerk FROM PUBLIC;
REVOKE CONNECT ON DATABASE keycloak FROM PUBLIC;
END
