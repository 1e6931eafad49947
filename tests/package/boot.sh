#!/bin/sh
# boot.sh CLEAN_ROOT FOLDER: starts a separate Debian with systemd as process 1. Its files are those
# of CLEAN_ROOT; changes stay in memory. apt installs the package from descriptor 3, and curl. Runs
# in new mount and PID namespaces, and ends with them. It uses the network of the caller.
set -eu
clean_root=$1
folder=$2

mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
# The new mount hides the files of the caller's folder, so the package is open as descriptor 3.
mkdir "$folder/upper" "$folder/work" "$folder/root"
root=$folder/root
mount -t overlay overlay -o "lowerdir=$clean_root,upperdir=$folder/upper,workdir=$folder/work" "$root"
cat <&3 >"$root/tarn.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Debian's installer writes this file, but debootstrap does not.
echo "127.0.0.1 localhost" >"$root/etc/hosts"
mkdir -p "$clean_root.archives"
mount --bind "$clean_root.archives" "$root/var/cache/apt/archives"

cd "$root"
mount -t proc proc proc
# Read-only, so that no setting of the machine's kernel can be changed.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run

export DEBIAN_FRONTEND=noninteractive
install_package() {
  # The package needs systemd-sysusers, which most machines have with systemd. apt's locks are off:
  # other runs share only the downloads, and apt moves each file there in one step.
  chroot . apt-get -qq -o APT::Keep-Downloaded-Packages=true -o Debug::NoLocking=true \
    -o Dpkg::Use-Pty=0 \
    -o DPkg::Options::=--force-unsafe-io install --yes --no-install-recommends systemd curl /tarn.deb
}
# The list of packages is as old as the clean root, so a second try updates it.
install_package || { chroot . apt-get -qq update && install_package; }

pivot_root . mnt
# shellcheck disable=SC2093
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c \
  'umount -l /mnt; exec /lib/systemd/systemd --system --show-status=no --unit=multi-user.target' 3<&-
