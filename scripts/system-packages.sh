#!/bin/sh
# system-packages.sh [bench]: installs the system packages of packages.txt that are missing, or says how to, those of the benchmarks only when
# they are named. Quiet when none is.
set -eu
purpose=${1:-}
here=$(dirname -- "$(readlink -f -- "$0")")
PATH=$PATH:/usr/sbin:/sbin

# How long apt waits for another package installation to end, in seconds; unattended upgrades take minutes.
APT_LOCK_TIMEOUT=300

# present WHAT: true when the program, compiler file or source of the table's first column is there.
present() {
  case $1 in
    cc:*)
      # gcc prints the bare name of a file that it does not find.
      command -v gcc >/dev/null && [ "$(gcc -print-file-name="${1#cc:}")" != "${1#cc:}" ]
      ;;
    go:*)
      for sources in /usr/share/go-*/src /usr/lib/go/src /usr/lib/golang/src; do
        if [ -d "$sources/${1#go:}/testdata" ]; then return; fi
      done
      false
      ;;
    *) command -v "${1%%|*}" >/dev/null || command -v "${1#*|}" >/dev/null ;;
  esac
}

# missing COLUMN: lines `package<TAB>program (why)` of what is not there.
missing() {
  while read -r what apt dnf pacman need why; do
    case $what in '' | '#'*) continue ;; esac
    [ "$need" != bench ] || [ "$purpose" = bench ] || continue
    present "$what" && continue
    case $1 in
      apt) package=$apt ;;
      dnf) package=$dnf ;;
      *) package=$pacman ;;
    esac
    printf '%s\t%s (%s)\n' "$package" "${what#*:}" "$why"
  done <"$here/packages.txt"
}

apt_install() {
  # Debian starts the services that packages bring; the tests need the program of this one, and nobody a registry on every address.
  case " $* " in
    *' docker-registry '*)
      if [ -d /run/systemd/system ] && ! systemctl cat docker-registry >/dev/null 2>&1; then
        $as_root systemctl --quiet mask docker-registry
      fi
      ;;
  esac
  # Without fresh lists a package may be unknown, or its recorded version gone from the servers.
  set -- -qq -y --no-install-recommends -o "DPkg::Lock::Timeout=$APT_LOCK_TIMEOUT" -o Dpkg::Use-Pty=0 install "$@"
  if apt-get --simulate "$@" >/dev/null 2>&1 && $as_root apt-get "$@" </dev/null >/dev/null; then return; fi
  $as_root apt-get -qq update </dev/null
  $as_root apt-get "$@" </dev/null >/dev/null
}

if command -v apt-get >/dev/null; then
  manager=apt command='apt-get install -y --no-install-recommends'
elif command -v dnf >/dev/null; then
  manager=dnf command='dnf install -y'
elif command -v pacman >/dev/null; then
  manager=pacman command='pacman -S --needed --noconfirm'
else
  manager=none command=
fi

list=$(missing "$manager")
[ -n "$list" ] || exit 0
echo 'Missing on this machine:'
printf '%s\n' "$list" | while IFS='	' read -r package why; do
  case $manager:$package in
    none:* | *:-) echo "  $why" ;;
    *) echo "  $package: $why" ;;
  esac
done

if [ "$manager" = none ]; then
  echo 'Install them with your package manager (neither apt-get, dnf nor pacman is here), then run this again.' >&2
  exit 1
fi
if printf '%s\n' "$list" | grep -q '^-'; then
  echo 'Install what has no package in this distribution by hand, then run this again.' >&2
  exit 1
fi
packages=$(printf '%s\n' "$list" | cut -f1 | sort -u | tr '\n' ' ')
packages=${packages% }

if [ "$(id -u)" = 0 ]; then
  as_root='env DEBIAN_FRONTEND=noninteractive'
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  # sudo drops the environment.
  as_root='sudo -n env DEBIAN_FRONTEND=noninteractive'
else
  echo "Not root, and sudo asks for a password or is not here. Run:" >&2
  echo "  sudo $command $packages" >&2
  exit 1
fi

echo "Installing: $packages"
# shellcheck disable=SC2086 # package names and commands with their options: they are to be split
case $manager in
  apt) apt_install $packages ;;
  *) $as_root $command $packages </dev/null ;;
esac

list=$(missing "$manager")
if [ -n "$list" ]; then
  echo 'Still missing after the installation:' >&2
  printf '%s\n' "$list" >&2
  exit 1
fi
qemu-system-x86_64 --version >/dev/null || {
  echo 'qemu-system-x86_64 is installed and does not run.' >&2
  exit 1
}
