#!/bin/sh
# Installs the finished executable and all that belongs to it, or removes it: `share/install.sh install|uninstall`, from the
# top folder. From the environment:
#   PREFIX   /usr/local unless given (an empty one means the same)
#   DESTDIR  goes before every path, for those who make packages
#   ZSHDIR   where zsh looks for completions: PREFIX/share/zsh/site-functions
#   SERVICE_USER  the service's user unless its settings name another: www-data
set -eu
umask 022

prefix=${PREFIX:-/usr/local}
prefix=${prefix%/}
dest=${DESTDIR:-}
dest=${dest%/}
zsh=${ZSHDIR:-$prefix/share/zsh/site-functions}
user=${SERVICE_USER:-www-data}

# What goes into the unit has to be one plain word there.
case $user in
*[!A-Za-z0-9._-]*) echo "install: SERVICE_USER=$user is not the name of a user" >&2; exit 2 ;;
esac
case $prefix in
*[!A-Za-z0-9/._+-]*) echo "install: PREFIX=$prefix has characters that a systemd unit cannot take" >&2; exit 2 ;;
/*) ;;
*) echo "install: PREFIX=$prefix is not an absolute path" >&2; exit 2 ;;
esac

# The system's own places have their settings in /etc; any other place has its own.
case $prefix in
/usr | /usr/local) etc=/etc ;;
*) etc=$prefix/etc ;;
esac
environment=$etc/default/makuosan
doc=$prefix/share/doc/makuosan

# Every file: mode, source, target. The symbolic link is not here, nor what is changed on its way.
files() {
    cat <<END
755 dist/makuosan $prefix/sbin/makuosan
644 share/man/makuosan.8 $prefix/share/man/man8/makuosan.8
644 share/man/msync.1 $prefix/share/man/man1/msync.1
644 share/50-makuosan.conf $prefix/lib/sysctl.d/50-makuosan.conf
644 share/completions/makuosan.bash $prefix/share/bash-completion/completions/makuosan
644 share/completions/msync.bash $prefix/share/bash-completion/completions/msync
644 share/completions/_makuosan $zsh/_makuosan
644 share/completions/_msync $zsh/_msync
644 share/completions/makuosan.fish $prefix/share/fish/vendor_completions.d/makuosan.fish
644 share/completions/msync.fish $prefix/share/fish/vendor_completions.d/msync.fish
644 share/console.schema.json $prefix/share/makuosan/console.schema.json
644 test/bench/results/curves.svg $doc/curves.svg
644 src/wire/PROTOCOL.md $doc/PROTOCOL.md
644 share/copyright $doc/copyright
END
}
readme=$doc/README.md
unit=$prefix/lib/systemd/system/makuosan.service

# put MODE SOURCE TARGET: the target is the old file or the new one, whole, at every moment: a daemon may run from it.
put() {
    install -D -m "$1" "$2" "$dest$3.new"
    mv -f "$dest$3.new" "$dest$3"
}

# fill TEMPLATE: with what this installation has in its places, to stdout.
fill() {
    sed -e "s|@PREFIX@|$prefix|g" -e "s|@ENVIRONMENT@|$environment|g" -e "s|@USER@|$user|g" "$1"
}

# The README beside the documents that it links to; what is not installed is named, but not linked.
flat_readme() {
    sed -e 's|(src/wire/PROTOCOL.md)|(PROTOCOL.md)|g' -e 's|(test/bench/results/curves.svg)|(curves.svg)|g' \
        -e 's|(share/copyright)|(copyright)|g' -e 's|(LICENSE)|(copyright)|g' -e 's|\[src/README.md\](src/README.md)|src/README.md|g' README.md
}

install_all() {
    files | while read -r mode source target; do
        put "$mode" "$source" "$target"
    done
    mkdir -p "$dest$prefix/bin"
    ln -sfn ../sbin/makuosan "$dest$prefix/bin/msync"
    fill share/makuosan.service >"$filled"
    put 644 "$filled" "$unit"
    flat_readme >"$filled"
    put 644 "$filled" "$readme"
    if [ -e "$dest$environment" ]; then
        echo "install: $dest$environment exists and stays as it is"
    else
        fill share/makuosan.default >"$filled"
        put 644 "$filled" "$environment"
    fi
}

uninstall_all() {
    files | while read -r _ _ target; do
        rm -f "$dest$target"
    done
    rm -f "$dest$unit" "$dest$readme"
    if [ "$(readlink "$dest$prefix/bin/msync")" = ../sbin/makuosan ]; then
        rm -f "$dest$prefix/bin/msync"
    fi
    # Folders that are nobody else's.
    for folder in share/makuosan share/doc/makuosan; do
        rmdir "$dest$prefix/$folder" 2>/dev/null || true
    done
    fill share/makuosan.default >"$filled"
    if cmp -s "$filled" "$dest$environment"; then
        rm -f "$dest$environment"
    elif [ -e "$dest$environment" ]; then
        echo "uninstall: $dest$environment was changed and stays"
    fi
}

filled=$(mktemp)
trap 'rm -f "$filled"' EXIT
case ${1:-} in
install) install_all ;;
uninstall) uninstall_all ;;
*) echo "usage: PREFIX=… DESTDIR=… share/install.sh install|uninstall" >&2; exit 2 ;;
esac
