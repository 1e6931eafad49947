#!/bin/sh
# boot.sh CLEAN_ROOT FOLDER: a Debian of its own, whose files are those of CLEAN_ROOT and in memory
# what changes, with the package FOLDER/tarn.deb and curl installed by apt, in which systemd runs as process 1.
# Started in new mount and PID namespaces, with which all of it goes; the network is the caller's.
set -eu
clean_root=$1
folder=$2

mount --make-rprivate /
mount -t tmpfs tmpfs "$folder"
# The caller's view of the folder is another one: what it gave is open as descriptor 3.
mkdir "$folder/upper" "$folder/work" "$folder/root"
root=$folder/root
mount -t overlay overlay -o "lowerdir=$clean_root,upperdir=$folder/upper,workdir=$folder/work" "$root"
cat <&3 >"$root/tarn.deb"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Debian's installer writes it, and debootstrap does not.
echo "127.0.0.1 localhost" >"$root/etc/hosts"
mkdir -p "$clean_root.archives"
mount --bind "$clean_root.archives" "$root/var/cache/apt/archives"

cd "$root"
mount -t proc proc proc
# No setting of the machine's kernel is changed from here.
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
  # systemd itself is how most machines have what makes the user. Locks are for those who share a
  # system; what is downloaded here is shared, and each file of it comes in one step.
  chroot . apt-get -qq -o APT::Keep-Downloaded-Packages=true -o Debug::NoLocking=true \
    -o Dpkg::Use-Pty=0 \
    -o DPkg::Options::=--force-unsafe-io install --yes --no-install-recommends systemd curl /tarn.deb
}
# The list of packages is as old as the clean root.
install_package || { chroot . apt-get -qq update && install_package; }

pivot_root . mnt
# shellcheck disable=SC2093
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c \
  'umount -l /mnt; exec /lib/systemd/systemd --system --show-status=no --unit=multi-user.target' 3<&-
