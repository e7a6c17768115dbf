#!/bin/sh
# A guest with a real nbd.ko maps a backstore of an nbd-runner on another machine: from "create" to a file system, and back.
# usage: remote.sh HOME CONTROL HANDLER CFGSTRING   with HOME an unpacked distribution and CONTROL the runner's address, HOST:PORT
set -eu
cli=$1/bin/nbd-cli
control=$2
handler=$3
cfg=$4
mnt=/tmp/mnt
mkdir -p $mnt

say() { echo "== $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
nbd() { "$cli" "$handler" "$@" host "$control"; }

say "create and map"
nbd create "$cfg" size 64M
dev=$(nbd map "$cfg" timeout 60)
[ -b "$dev" ] || fail "map printed '$dev', which is no block device"

say "a file system"
mkfs.ext4 -q "$dev"
mount "$dev" $mnt
dd if=/dev/urandom of=$mnt/data bs=1M count=8 2>/dev/null
sum=$(sha256sum <$mnt/data)
umount $mnt
nbd unmap "$dev"

say "mapped again, the data are there"
dev=$(nbd map "$cfg" timeout 60)
e2fsck -fn "$dev" >/dev/null 2>&1 || fail "e2fsck is not content"
mount "$dev" $mnt
[ "$(sha256sum <$mnt/data)" = "$sum" ] || fail "data differ"
if nbd delete "$cfg" 2>/tmp/err; then fail "deleted while it is mapped"; fi
umount $mnt
nbd unmap "$dev"

say "read-only"
dev=$(nbd map "$cfg" readonly)
if dd if=/dev/zero of="$dev" bs=4k count=1 oflag=direct 2>/dev/null; then fail "written though it is read-only"; fi
nbd unmap "$dev"
nbd delete "$cfg"
if dmesg | grep -i "nbd.*\(error\|timed out\)"; then fail "the kernel saw an error"; fi
echo "== done"
