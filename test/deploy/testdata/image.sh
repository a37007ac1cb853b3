#!/bin/sh
# The image is built as the file says, and the program runs from it with no more rights
# than it needs. Arguments: a folder, the builder's image.
set -eux
work=$1 builder=$2
steps=$(dirname "$(realpath "$0")")
sh "$steps/images.sh" "$work" "$builder"
# Compiler, modules and build cache are this machine's.
podman build --network none --pull=never --volume "$GOROOT:/usr/local/go:ro" --volume "$GOMODCACHE:/go/pkg/mod:O" \
  --volume "$GOCACHE:/root/.cache/go-build" --tag fachwerk:local -f deploy/Containerfile .

# What is in it: the program and the authorities, root's; a place for data, the user's.
root=$(podman image mount fachwerk:local)
(cd "$root" && find . -mindepth 1 -printf '%M %U %P\n' | sort -k3) >"$work/found"
podman image unmount fachwerk:local >/dev/null
cat >"$work/wanted" <<'END'
drwxr-xr-x 0 etc
drwxr-xr-x 0 etc/ssl
drwxr-xr-x 0 etc/ssl/certs
-rw-r--r-- 0 etc/ssl/certs/ca-certificates.crt
drwxr-xr-x 0 usr
drwxr-xr-x 0 usr/bin
-rwxr-xr-x 0 usr/bin/fachwerk
drwxr-xr-x 0 var
drwxr-xr-x 0 var/lib
drwx------ 65532 var/lib/fachwerk
drwx------ 65532 var/lib/fachwerk/keys
drwx------ 65532 var/lib/fachwerk/spool
END
diff "$work/wanted" "$work/found"
podman image inspect --format '{{.Config.User}} {{.Config.Entrypoint}} {{.Config.Cmd}} {{.Config.StopSignal}} {{index .Config.Labels "org.opencontainers.image.licenses"}}' fachwerk:local |
  grep -Fx '65532:65532 [/usr/bin/fachwerk] [serve --config /etc/fachwerk/fachwerk.yaml] SIGTERM EUPL-1.2'
if podman run --rm --network none --entrypoint /bin/sh fachwerk:local -c true; then
  echo "there is a shell in the image" >&2
  exit 1
fi

# It serves with a root that cannot be written, no capability, and nothing to gain.
mkdir -p "$work/etc"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=mail.musterstadt.example \
  -addext subjectAltName=DNS:mail.musterstadt.example -keyout "$work/etc/key.pem" -out "$work/etc/cert.pem"
sed -e 's|^  name: "".*|  name: mail.musterstadt.example|' -e 's|^  portal: "" .*|  portal: https://portal.musterstadt.example|' \
  -e 's|^  http: "" .*|  http: https://dav.musterstadt.example:8443|' -e 's|^  cert: "".*|  cert: /etc/fachwerk/cert.pem|' \
  -e 's|^  key: "".*|  key: /etc/fachwerk/key.pem|' -e 's|^  issuer: "".*|  issuer: https://login.musterstadt.example:8444|' \
  -e 's|^sites: .*|sites: [{name: rathaus, operator: Stadt Musterstadt, country: DE, place: Rathaus, networks: [127.0.0.0/8]}]|' \
  -e 's|^  ops: "127.0.0.1:9090"|  ops: ":9090"|' deploy/fachwerk.yaml >"$work/etc/fachwerk.yaml"
chmod 644 "$work"/etc/*
serve() {
  podman run --detach --name one --read-only --read-only-tmpfs=false --user 65532 --cap-drop all --security-opt no-new-privileges \
    --sysctl net.ipv4.ip_unprivileged_port_start=0 --stop-timeout 120 --volume "$work/etc:/etc/fachwerk:ro" \
    --volume data:/var/lib/fachwerk --publish 127.0.0.1:9090:9090 --publish 127.0.0.1:993:993 fachwerk:local
  curl --fail --silent --retry 120 --retry-delay 1 --retry-all-errors http://127.0.0.1:9090/ready
}
fachwerk() { podman exec --interactive one /usr/bin/fachwerk "$@" --config /etc/fachwerk/fachwerk.yaml; }
status() {
  curl --fail --silent --cacert "$work/etc/cert.pem" --resolve mail.musterstadt.example:993:127.0.0.1 \
    --user "anna.schmidt@musterstadt.example:$password" --request 'STATUS INBOX (MESSAGES)' imaps://mail.musterstadt.example/
}
trap '[ $? = 0 ] || podman logs one' EXIT
serve
curl --fail --silent http://127.0.0.1:9090/started
curl --fail --silent http://127.0.0.1:9090/live
fachwerk tenant add Musterstadt
fachwerk domain add musterstadt.example
fachwerk account add anna.schmidt@musterstadt.example --name "Anna Schmidt"
password=$(fachwerk app-password add anna.schmidt@musterstadt.example)
status
# SIGTERM ends it in order, and the next one finds what it left.
podman stop one
[ "$(podman inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' one)" = "0 false" ]
podman logs one 2>&1 | grep '"msg":"stopping"'
podman logs one 2>&1 | grep '"msg":"stopped"'
podman rm one
serve
status
fachwerk check
podman stop one
podman rm --volumes one
echo IMAGE SERVED
