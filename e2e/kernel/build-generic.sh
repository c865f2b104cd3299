#!/bin/bash
# Builds the kernel of generic.config from the sources that Debian packages, in the directory that is given. It leaves there what
# `banger kernel import` takes: `vmlinux`, and `lib/modules/RELEASE/modules.builtin`. Minutes on two cores; a second time it only says so.
set -eu
here=$(dirname -- "$(readlink -f -- "$0")")
mkdir -p "$1"
cd "$1"

if [ vmlinux -nt "$here/generic.config" ] && [ vmlinux -nt "$here/build-generic.sh" ]; then
  echo "Built before: $(pwd)/vmlinux"
  exit 0
fi

missing=
for program in make gcc bc flex bison apt-get dpkg-deb xz; do
  command -v $program >/dev/null || missing="$missing $program"
done
# objtool reads what the compiler made; there is no 64-bit kernel without it.
echo '#include <gelf.h>' | gcc -E - >/dev/null 2>&1 || missing="$missing gelf.h"
if [ -n "$missing" ]; then
  echo "Missing:$missing. Run: sudo apt-get install bc flex bison libelf-dev" >&2
  exit 1
fi

if [ ! -d source ]; then
  package=$(apt-cache depends linux-source | sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p')
  if [ -z "$package" ]; then
    echo 'apt knows no linux-source. Run: sudo apt-get update' >&2
    exit 1
  fi
  echo "Fetching $package"
  # Root's apt would hand the download to the user _apt, who cannot enter a private directory.
  apt-get -q -o APT::Sandbox::User=root download "$package" >/dev/null
  dpkg-deb --extract "$package"_*.deb package
  rm "$package"_*.deb
  mkdir source.part
  tar --extract --file=package/usr/src/"$package".tar.xz --directory=source.part --strip-components=1
  rm -r package
  mv source.part source
fi

build() { make --silent -C source O="$(pwd)/output" LOCALVERSION= "$@"; }
echo 'Building'
build KCONFIG_ALLCONFIG="$here/generic.config" allnoconfig
# Of what it does not know, or needs something else for, `make` says nothing.
grep '^CONFIG_' "$here/generic.config" | while read -r setting; do
  grep -qxF "$setting" output/.config || {
    echo "Not in this kernel: $setting" >&2
    exit 1
  }
done
build -j"$(nproc)" vmlinux
release=$(build kernelrelease)
rm -rf lib
mkdir -p "lib/modules/$release"
cp output/modules.builtin "lib/modules/$release/"
cp output/vmlinux vmlinux
echo "Built Linux $release: $(pwd)/vmlinux"
