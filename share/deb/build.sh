#!/bin/sh
# Makes makuosan_VERSION_ARCHITECTURE.deb in FOLDER (dist unless given) from the finished executable: `share/deb/build.sh [FOLDER]`, from
# the top folder. Needs dpkg-dev.
# From the environment:
#   DEB_VERSION      instead of package.json's
#   DEBFULLNAME, DEBEMAIL  whom the package names as its maintainer
#   DEB_COMPRESSION  options of dpkg-deb: -Zxz -z1 unless given
set -eu

version=${DEB_VERSION:-$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)}
architecture=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-The makuosan developers} <${DEBEMAIL:-root@localhost}>"
file=${1:-dist}/makuosan_${version}_$architecture.deb

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/DEBIAN" "$work/debian"
umask 022

# The same sources give the same package: times are those of the last commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)}
export SOURCE_DATE_EPOCH

PREFIX=/usr DESTDIR=$tree ZSHDIR=/usr/share/zsh/vendor-completions sh share/install.sh install
doc=$tree/usr/share/doc/makuosan
cat >"$doc/changelog" <<END
makuosan ($version) unstable; urgency=medium

  * Version $version.

 -- $maintainer  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END
gzip -9n "$doc/changelog" "$tree"/usr/share/man/man*/*
install -D -m 644 share/deb/lintian-overrides "$tree/usr/share/lintian/overrides/makuosan"

# What the executable is linked to, and the libraries inside it. ISA-L is itself inside.
echo "Source: makuosan" >"$work/debian/control"
set --
for binary in dist/makuosan build/libmakuo.so build/libisal.so node_modules/zstd-napi/build/Release/binding.node; do
    set -- "$@" "-e$PWD/$binary"
done
depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -xlibisal2 "$@" 2>"$work/log") ||
    { cat "$work/log" >&2; exit 1; }
depends=${depends#shlibs:Depends=}

size=$(du -k -s --apparent-size "$tree" | cut -f 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" \
    -e "s/@DEPENDS@/$depends/" -e "s|@MAINTAINER@|$maintainer|" share/deb/control.in >"$tree/DEBIAN/control"
install -m 644 share/deb/conffiles "$tree/DEBIAN/conffiles"
install -m 755 share/deb/postinst share/deb/prerm share/deb/postrm "$tree/DEBIAN"
(cd "$tree" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\n' | sort | xargs md5sum >DEBIAN/md5sums)

# shellcheck disable=SC2086 # several words
dpkg-deb ${DEB_COMPRESSION:--Zxz -z1} --root-owner-group --build "$tree" "$file.new" >/dev/null
mv -f "$file.new" "$file"
echo "$file"
