#!/bin/sh
# A machine of its own for containers: network, processes and mounts that end with it,
# where nothing but loopback leads anywhere. Started by unshare; its arguments are a
# folder for images, the project, and a script with its arguments.
set -eu
work=$1 project=$2
shift 2
mount --make-rprivate /
# crun refuses a machine with both kinds of cgroups; containers here get none.
umount /sys/fs/cgroup/unified 2>/dev/null || :
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
ip link set lo up
# The project as it is; what is written to it is forgotten.
mkdir -p "$work/upper" "$work/scratch" "$work/project" "$work/images" "$work/networks"
mount -t overlay overlay -o "lowerdir=$project,upperdir=$work/upper,workdir=$work/scratch" "$work/project"
cat >"$work/storage.conf" <<END
[storage]
driver = "overlay"
runroot = "/run/containers"
graphroot = "$work/images"
END
# No more files and processes than this machine may grant: it may not raise its limits.
cat >"$work/containers.conf" <<END
[containers]
cgroups = "disabled"
cgroupns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
network_backend = "netavark"
network_config_dir = "$work/networks"
END
export CONTAINERS_STORAGE_CONF="$work/storage.conf" CONTAINERS_CONF="$work/containers.conf"
cd "$work/project"
exec "$@"
