#!/bin/sh
# Brings node_modules in line with package-lock.json: the packages, Bun's own program (its npm package would do this in
# a postinstall script) and zstd-napi's addon, built from the source in its package. Does nothing when node_modules
# already comes from this very lock file. To be run from the top folder.
set -eu

stamp=node_modules/.makuosan-lock
addon=node_modules/zstd-napi/build/Release/binding.node

if ! command -v npm >/dev/null 2>&1; then
    echo "setup: npm is missing: install Node.js 20 or later with npm" >&2
    exit 1
fi
lock=$(cksum <package-lock.json)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$lock" ] && [ -f "$addon" ]; then
    exit 0
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# quietly STEP COMMAND...: says what is done; the command's own words only if it fails.
quietly() {
    echo "setup: $1"
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        echo "setup: failed (above): $*" >&2
        exit 1
    fi
}

quietly "installing the packages of package-lock.json" npm ci --ignore-scripts --no-audit --no-fund
quietly "linking bun" node node_modules/bun/install.js

# Node's headers from this machine, where it has them; otherwise node-gyp fetches those of its version.
prefix=$(node -p 'require("node:path").resolve(process.execPath, "../..")')
headers=""
for folder in "$prefix" /usr /usr/local; do
    if [ -f "$folder/include/node/node_api.h" ]; then
        headers="--nodedir=$folder"
        break
    fi
done
# node-gyp's own lines would scare without need; the folder is absolute because node-gyp runs in the addon's.
gyp="$PWD/node_modules/.bin/node-gyp"
# shellcheck disable=SC2086 # nothing, or one word
quietly "building zstd-napi's addon (half a minute)" \
    sh -c 'cd node_modules/zstd-napi && exec "$@"' sh "$gyp" rebuild -j 2 $headers
echo "$lock" >"$stamp"
