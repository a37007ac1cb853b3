#!/bin/sh
# Images under the names that deploy/ gives, made of what this machine has: no registry is
# asked. Arguments: a folder, the name of the builder's image, then optionally those of
# PostgreSQL and of the S3 service, and that one's program.
set -eu
here=$(dirname "$(realpath "$0")")
work=$1/bases builder=$2
shift 2
mkdir -p "$work/build/bin" "$work/build/certs"
cp "$(command -v busybox)" "$work/build/bin/busybox"
cp -L /etc/ssl/certs/ca-certificates.crt "$work/build/certs/"
cat >"$work/build/Containerfile" <<'END'
FROM scratch
COPY bin/busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY certs /etc/ssl/certs
RUN mkdir -p /root /tmp /usr/local/go /go
ENV PATH=/usr/local/go/bin:/bin GOPATH=/go GOTOOLCHAIN=local HOME=/root
END
podman build --quiet --network none --tag "$builder" "$work/build"
[ $# -gt 0 ] || exit 0
postgres=$1 objects=$2 gateway=$3

# libraries copies what programs are linked with to a folder that will be the root.
libraries() {
  into=$1
  shift
  for library in $(ldd "$@" 2>/dev/null | grep -o '/[^ ]*' | grep -v ':$' | grep -v '^/usr/lib/postgresql' | sort -u); do
    mkdir -p "$into$(dirname "$library")"
    cp -L "$library" "$into$library"
  done
}

root=$work/postgres/root
mkdir -p "$root/bin" "$root/etc" "$root/usr/lib/postgresql" "$root/usr/share/postgresql"
cp "$(command -v busybox)" "$root/bin/busybox"
version=$(ls /usr/lib/postgresql | sort -n | tail -1)
cp -a "/usr/lib/postgresql/$version" "$root/usr/lib/postgresql/"
cp -aL "/usr/share/postgresql/$version" "$root/usr/share/postgresql/"
libraries "$root" "/usr/lib/postgresql/$version"/bin/postgres "/usr/lib/postgresql/$version"/bin/psql \
  "/usr/lib/postgresql/$version"/bin/initdb "/usr/lib/postgresql/$version"/lib/*.so
mkdir -p "$root/usr/share/zoneinfo"
cp -L /usr/share/zoneinfo/UTC "$root/usr/share/zoneinfo/"
printf 'root:x:0:0::/:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\npostgres:x:999:\n' >"$root/etc/group"
cp "$here/postgres-entrypoint.sh" "$root/bin/entrypoint"
chmod 755 "$root/bin/entrypoint"
cat >"$work/postgres/Containerfile" <<END
FROM scratch
COPY root /
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /tmp /docker-entrypoint-initdb.d /var/lib/postgresql/data /var/run/postgresql && chmod 1777 /tmp \
 && chown -R 999:999 /var/lib/postgresql /var/run/postgresql
ENV PATH=/usr/lib/postgresql/$version/bin:/bin PGDATA=/var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["/bin/entrypoint"]
END
podman build --quiet --network none --tag "$postgres" "$work/postgres"

root=$work/objects/root
mkdir -p "$root/bin" "$root/app" "$root/lib"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$gateway" "$root/app/versitygw"
libraries "$root" "$gateway"
cat >"$work/objects/Containerfile" <<'END'
FROM scratch
COPY root /
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PATH=/bin
ENTRYPOINT ["/app/versitygw"]
END
podman build --quiet --network none --tag "$objects" "$work/objects"
