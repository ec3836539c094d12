#!/bin/sh
# Installs what comes from Debian's packages and is missing. Looks for the programs and headers themselves, not for
# package names, so that it stays quiet where they came from elsewhere. Exit status 1: something is missing and
# cannot be installed from here; the command that would do it has been printed. Words name what is to be done besides building and the lab:
#   deb      packages for Debian
#   install  tests of the installation
#   bench    the benchmark: what it compares with, and what draws
set -eu

missing=""
# need PACKAGE COMMAND...: each word of COMMAND must be a program on the path.
need() {
    package=$1
    shift
    for program in "$@"; do
        if ! command -v "$program" >/dev/null 2>&1; then
            missing="$missing $package"
            return
        fi
    done
}
# header PACKAGE HEADER: the C compiler must find it.
header() {
    if ! echo "#include <$2>" | ${CC:-cc} -E -x c - >/dev/null 2>&1; then
        missing="$missing $1"
    fi
}

PATH="$PATH:/usr/sbin:/sbin"
need gcc gcc cc
need g++ g++
need python3 python3
need util-linux unshare nsenter setpriv
need procps pkill
need iproute2 ip tc
need nftables nft
need ethtool ethtool
need rsync rsync
for purpose in "$@"; do
    case $purpose in
    deb) need dpkg-dev dpkg-shlibdeps ;;
    bench)
        need uftp uftp uftpd
        need udpcast udp-sender udp-receiver
        need iperf3 iperf3
        need gnuplot-nox gnuplot
        ;;
    install)
        need dpkg-dev dpkg-shlibdeps
        need man-db man
        need mandoc mandoc
        need systemd systemctl systemd-analyze
        need zsh zsh
        need fish fish
        [ -f /usr/share/bash-completion/bash_completion ] || missing="$missing bash-completion"
        ;;
    esac
done
case " $missing " in
*" gcc "*) missing="$missing libc6-dev libisal-dev libxxhash-dev" ;;
*)
    header libc6-dev stdio.h
    header libisal-dev isa-l/crc.h
    header libxxhash-dev xxhash.h
    ;;
esac

[ -z "$missing" ] && exit 0
missing=${missing# }

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: these Debian packages, or what your system calls them, are needed: $missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "setup: some packages are missing. Run this as root, then the same make command again:" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends $missing" >&2
    exit 1
fi

echo "setup: installing $missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # one word for each package
if ! { apt-get -q update && apt-get -q -y --no-install-recommends install $missing; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "setup: apt-get failed (above); the packages needed are: $missing" >&2
    exit 1
fi
