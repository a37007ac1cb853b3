#!/bin/sh
# Does a container run here, in a network of its own? Argument: a folder.
set -eu
mkdir -p "$1/probe"
cp "$(command -v busybox)" "$1/probe/busybox"
printf 'FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "true"]\n' >"$1/probe/Containerfile"
podman build --quiet --network none --tag probe "$1/probe"
podman network create probe
podman run --rm --network probe --cap-drop all --read-only probe /busybox true
podman network rm probe
