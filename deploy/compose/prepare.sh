#!/bin/sh
# Writes what compose.yaml needs and no repository may hold: secrets, and a
# certificate of an authority made for the purpose, to be replaced by a real one.
#
#   sh prepare.sh DOMAIN
#
# It may be run again: what is there stays as it is.
set -eu
domain=${1:?"name your mail domain: sh prepare.sh musterstadt.example"}
case $domain in *[!A-Za-z0-9.-]*|.*|-*|*.) echo "prepare.sh: $domain is not a domain" >&2; exit 2;; esac
cd "$(dirname "$0")"
umask 077
# The folder private keeps strangers out. The files in it are mounted one by one and
# have to be readable for the users that the containers run as.
mkdir -p private/secrets private/tls
chmod 755 private/secrets private/tls
fachwerk=$PWD
cd private

random() { od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'; }
secret() { [ -s "secrets/$1" ] || { random >"secrets/$1"; chmod 644 "secrets/$1"; }; }
for name in database_password keycloak_database_password objects_secret portal_client_secret keycloak_admin_password; do
  secret "$name"
done
[ -s secrets/objects.env ] || printf 'ROOT_ACCESS_KEY=fachwerk\nROOT_SECRET_KEY=%s\n' "$(cat secrets/objects_secret)" >secrets/objects.env
[ -s secrets/keycloak.env ] || cat >secrets/keycloak.env <<END
KC_HOSTNAME=https://login.$domain:8444
KC_DB_PASSWORD=$(cat secrets/keycloak_database_password)
KC_BOOTSTRAP_ADMIN_USERNAME=admin
KC_BOOTSTRAP_ADMIN_PASSWORD=$(cat secrets/keycloak_admin_password)
FACHWERK_PORTAL=https://portal.$domain
FACHWERK_PORTAL_CLIENT_SECRET=$(cat secrets/portal_client_secret)
END

if [ ! -s tls/fullchain.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 \
    -subj "/CN=Fachwerk at $domain" -keyout tls/ca-key.pem -out tls/ca.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=mail.$domain" \
    -keyout tls/privkey.pem -out tls/request.pem 2>/dev/null
  cat >tls/extensions <<END
subjectAltName=DNS:mail.$domain,DNS:portal.$domain,DNS:dav.$domain,DNS:login.$domain
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
END
  openssl x509 -req -in tls/request.pem -CA tls/ca.pem -CAkey tls/ca-key.pem -days 397 \
    -extfile tls/extensions -out tls/cert.pem 2>/dev/null
  cat tls/cert.pem tls/ca.pem >tls/fullchain.pem
  # The authority signs nothing else.
  rm -f tls/ca-key.pem tls/ca.srl tls/request.pem tls/extensions tls/cert.pem
  chmod 644 tls/fullchain.pem tls/ca.pem tls/privkey.pem
fi
cd "$fachwerk"
sed "s/musterstadt\.example/$domain/g" fachwerk.yaml >private/fachwerk.yaml.new
cat private/fachwerk.yaml.new >fachwerk.yaml
rm private/fachwerk.yaml.new
echo "DOMAIN=$domain" >.env
chmod 644 fachwerk.yaml realm.json .env
chmod 755 keycloak-database.sh
echo "Written: private/ and .env. Clients have to trust private/tls/ca.pem until you replace fullchain.pem and privkey.pem beside it."
echo "Keycloak's administrator is admin; the password is in private/secrets/keycloak_admin_password."
