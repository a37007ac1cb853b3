#!/bin/sh
# The pod of the chart's minimal example, run by podman with the user, rights, volumes and
# command that the chart gives it. Arguments: the folder of its volumes, its ports, then
# podman's arguments.
set -eux
volumes=$1 ports=$2
shift 2
# The Secret, as a kubelet shows it to the pod's group.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.musterstadt.example \
  -addext subjectAltName=DNS:mail.musterstadt.example,DNS:portal.musterstadt.example,DNS:dav.musterstadt.example,DNS:login.musterstadt.example \
  -keyout "$volumes/tls-all/tls.key" -out "$volumes/tls-all/tls.crt"
chown 0:65532 "$volumes"/tls-all/*
chmod 440 "$volumes"/tls-all/*
# Mounted one below the other, the way there has to be open to the pod's user.
chmod 755 "$volumes" "$volumes/config" "$(dirname "$volumes")"

trap '[ $? = 0 ] || podman logs pod' EXIT
podman run --detach --name pod --publish 127.0.0.1:9090:9090 "$@"
for path in started ready live; do
  curl --fail --silent --retry 120 --retry-delay 1 --retry-all-errors "http://127.0.0.1:9090/$path"
done
address=$(podman inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' pod)
for port in $ports; do
  bash -c "exec 3<>/dev/tcp/$address/$port"
done
fachwerk() { podman exec pod /usr/bin/fachwerk "$@" --config /etc/fachwerk/fachwerk.yaml; }
fachwerk tenant create Musterstadt --site rathaus --domain musterstadt.example
fachwerk location verify
fachwerk check
for host in portal dav login; do
  port=8080
  [ "$host" = dav ] && port=8081
  [ "$host" = login ] && port=443
  curl --silent --show-error --cacert "$volumes/tls-all/tls.crt" --resolve "$host.musterstadt.example:$port:$address" \
    --output /dev/null "https://$host.musterstadt.example:$port/"
done
podman stop --time 120 pod
[ "$(podman inspect --format '{{.State.ExitCode}}' pod)" = 0 ]
podman rm pod
echo POD SERVED
