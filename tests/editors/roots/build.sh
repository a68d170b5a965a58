#!/bin/sh
# Builds the editors' folder: a Debian with the real GIMP and Krita in it, for the tests to run.
#
#   [SUITE=trixie] [VELATURA_EDITORS=FOLDER] tests/editors/roots/build.sh     (as root)
#
# trixie brings GIMP 3.0 and Krita 5.2, forky brings GIMP 3.2 and Krita 5.3. The folder is FOLDER/SUITE,
# by default below the user's cache; it is printed as the last line. Built once: a second run only checks.
# Packages come from the mirror that the host's own apt sources name (MIRROR overrides). Everything is
# mounted in a mount namespace of its own, so that nothing stays mounted however the build ends.
set -eu

suite=${SUITE:-trixie}
folder=${VELATURA_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/velatura-editors}
root=$folder/$suite
packages='gimp krita python3-pyqt5 python3-pyqt6 xvfb xdotool maim locales fonts-dejavu-core'
stamp="$suite $packages"

say() { echo "editors: $*" >&2; }
die() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || die "must run as root (it mounts and changes root); you are $(id -un)"
mkdir -p "$folder"
exec 9>"$folder/.$suite.lock"
flock 9

if [ -f "$root/.velatura" ] && [ "$(cat "$root/.velatura")" = "$stamp" ]; then
    echo "$root"
    exit 0
fi

if ! command -v debootstrap >/dev/null; then
    say "installing debootstrap"
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends debootstrap; } >&2 ||
        die "debootstrap is missing and apt-get could not install it"
fi

host=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v host="$host" '$2 == host && $3 == "main" { print $1; exit }')}
[ -n "$mirror" ] || die "the apt sources of this host name no mirror for '$host main'; set MIRROR"

scripts=/usr/share/debootstrap/scripts
script=
[ -e "$scripts/$suite" ] || script=$scripts/sid # older debootstraps do not know newer suites

say "building $root (some minutes, about 2 GB)"
rm -rf --one-file-system "$root" "$root.new"
debootstrap --variant=minbase "$suite" "$root.new" "$mirror" $script >"$folder/$suite.log" 2>&1 ||
    { tail -n 20 "$folder/$suite.log" >&2; die "debootstrap failed; see $folder/$suite.log"; }

# The host's way to the network: resolver, certificates, and apt's proxy and other transport settings.
cp -L /etc/resolv.conf /etc/hosts "$root.new/etc/"
if [ -d /etc/ssl/certs ]; then mkdir -p "$root.new/etc/ssl" && cp -rL /etc/ssl/certs "$root.new/etc/ssl/"; fi
apt-config dump Acquire | grep -v '""' >"$root.new/etc/apt/apt.conf.d/00host" || true
printf 'path-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n' >"$root.new/etc/dpkg/dpkg.cfg.d/slim"
printf '#!/bin/sh\nexit 101\n' >"$root.new/usr/sbin/policy-rc.d" # no services in here
chmod 755 "$root.new/usr/sbin/policy-rc.d"

unshare --mount --propagation private sh -eu -c '
    mount --rbind /proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        chroot "$1" sh -eu -c "
            apt-get -qq update
            apt-get -qq install -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io $2
            apt-get clean
            localedef -i de_DE -f UTF-8 de_DE.UTF-8
            useradd --create-home artist"
' sh "$root.new" "$packages" >>"$folder/$suite.log" 2>&1 ||
    { tail -n 20 "$folder/$suite.log" >&2; die "installing the editors failed; see $folder/$suite.log"; }

echo "$stamp" >"$root.new/.velatura"
mv "$root.new" "$root"
say "built $root"
echo "$root"
