#!/bin/sh
# Runs a command with the rights to make network namespaces: as it is for root, otherwise in a user namespace of its
# own, in which the caller appears as root.
set -eu
if [ "$(id -u)" = 0 ]; then
    exec "$@"
fi
if ! unshare --user --map-root-user --net --mount true 2>/dev/null; then
    echo "This needs network namespaces: run it as root, or allow unprivileged user namespaces" >&2
    echo "(sysctl kernel.unprivileged_userns_clone=1, or kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu)." >&2
    exit 1
fi
exec unshare --user --map-root-user --mount --fork --kill-child "$@"
