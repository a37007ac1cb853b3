#!/bin/sh
# The page's steps with compose, after image.sh: they stand in steps/page.sh, the commands
# of the page, and speak to docker. Arguments: a folder, that of the steps, the builder's
# image, PostgreSQL's, that of the S3 service, its program, compose.
set -eux
work=$1 steps=$2 builder=$3 postgres=$4 objects=$5 gateway=$6 compose=$7
here=$(dirname "$(realpath "$0")")
sh "$here/images.sh" "$work" "$builder" "$postgres" "$objects" "$gateway"
podman tag fachwerk:local docker.io/library/fachwerk:local
podman system service --time 0 unix:///run/podman.sock >"$work/service.log" 2>&1 &
export DOCKER_HOST=unix:///run/podman.sock
until [ -S /run/podman.sock ]; do sleep 0.2; done
# Without systemd nobody else asks podman's containers how they are.
while sleep 1; do podman healthcheck run fachwerk-database-1 || :; done >/dev/null 2>&1 &

# docker is compose over podman. The image is there, and no registry: nothing is built or
# pulled. Keycloak cannot be had here, so all but the login starts.
docker() {
  shift
  if [ "$1 $2" = "up --detach" ]; then
    timeout 300 "$compose" up --detach --pull never database objects fachwerk
  elif [ "$1" = exec ]; then
    shift
    "$compose" exec -T "$@"
  else
    "$compose" "$@"
  fi
}
failed() {
  "$compose" ps --all
  for service in database objects-bucket objects fachwerk; do
    podman logs --tail 30 "fachwerk-$service-1"
  done
  cat "$work/service.log"
}
trap '[ $? = 0 ] || failed' EXIT
. "$steps/page.sh"

fachwerk() { docker compose exec fachwerk /usr/bin/fachwerk "$@" --config /etc/fachwerk/fachwerk.yaml; }
ca=private/tls/ca.pem
anna=anna.schmidt@musterstadt.example
password=$(fachwerk app-password add "$anna")
imap() {
  curl --fail --silent --show-error --cacert "$ca" --resolve mail.musterstadt.example:993:127.0.0.1 --user "$anna:$password" "$@"
}
printf 'From: Grete <grete@elsewhere.example>\r\nTo: %s\r\nSubject: Antrag\r\nMessage-ID: <one@elsewhere.example>\r\n\r\nGuten Tag\r\n' "$anna" >"$work/message"
imap --upload-file "$work/message" imaps://mail.musterstadt.example/INBOX
# Large enough for the object store.
head -c 3000000 /dev/urandom >"$work/large"
dav() {
  curl --fail --silent --show-error --cacert "$ca" --resolve dav.musterstadt.example:8443:127.0.0.1 --user "$anna:$password" "$@"
}
plan=https://dav.musterstadt.example:8443/files/$anna/plan.bin
dav --upload-file "$work/large" "$plan"
podman exec fachwerk-objects-1 find /data/fachwerk -type f | grep .
curl --fail --silent --cacert "$ca" --resolve portal.musterstadt.example:443:127.0.0.1 --output /dev/null https://portal.musterstadt.example/
fachwerk location verify
fachwerk check

# Everything is stopped and started again, and is there.
"$compose" stop --timeout 120
[ "$(podman inspect --format '{{.State.ExitCode}}' fachwerk-fachwerk-1)" = 0 ]
docker compose up --detach
curl --fail --silent --retry 120 --retry-delay 1 --retry-all-errors http://127.0.0.1:9090/ready
imap --request 'STATUS INBOX (MESSAGES)' imaps://mail.musterstadt.example/ | grep 'MESSAGES 1'
dav --output "$work/again" "$plan"
cmp "$work/large" "$work/again"
fachwerk check
# What is inside is not to be reached from outside, nor does it reach anything.
if podman exec fachwerk-database-1 ip route | grep default; then
  echo "the database has a way out" >&2
  exit 1
fi
"$compose" down --volumes --timeout 60
echo COMPOSE FOLLOWED
