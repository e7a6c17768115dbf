#!/bin/sh
# A backstore is resized while a guest with a real nbd.ko has it mapped.
# usage: resize.sh HOME   with HOME an unpacked distribution, of which the guest sees a copy
set -eu
home=$1
. "$(dirname "$0")/common.sh"

start
say "resized: the device follows, under a mounted file system"
dd if=/dev/urandom of=/tmp/sector bs=512 count=1 2>/dev/null
$cli file create disks/r.img size 64M
dev=$($cli file map disks/r.img)
bytes() { [ "$(blockdev --getsize64 "$dev")" = "$1" ] || fail "$dev has $(blockdev --getsize64 "$dev") bytes, not $1"; }
mkfs.ext4 -q "$dev"
mount "$dev" $mnt
dd if=/dev/urandom of=$mnt/data bs=1M count=20 2>/dev/null
rsum=$(sha256sum <$mnt/data)
$cli file resize disks/r.img size 96M 2>/tmp/err || fail "not resized: $(cat /tmp/err)"
bytes 100663296
[ ! -s /tmp/err ] || fail "resize said: $(cat /tmp/err)"
last=$((100663296 / 512 - 1))
dd if=/tmp/sector of="$dev" bs=512 seek=$last oflag=direct 2>/dev/null || fail "the last sector cannot be written"
dd if="$dev" bs=512 skip=$last count=1 iflag=direct 2>/dev/null | cmp - /tmp/sector || fail "the last sector differs"
refused "is mapped on $dev.*force" $cli file resize disks/r.img size 32M
refused "no multiple" $cli file resize disks/r.img size 1000
bytes 100663296
kill -9 $runner; wait $runner 2>/dev/null || true
start
$cli file resize disks/r.img size 128M 2>/tmp/err || fail "a dead mapping is not resized"
grep -q "keeps its size" /tmp/err || fail "nothing is said of a device that cannot follow: $(cat /tmp/err)"
[ "$($cli file map disks/r.img)" = "$dev" ] || fail "the dead mapping was not restored on $dev"
bytes 134217728
dd if="$dev" bs=512 skip=$last count=1 iflag=direct 2>/dev/null | cmp - /tmp/sector || fail "a sector differs after the restoration"
if command -v resize2fs >/dev/null; then resize2fs "$dev" >/dev/null 2>&1 || fail "the file system cannot grow"; fi
[ "$(sha256sum <$mnt/data)" = "$rsum" ] || fail "data differ after resizing"
umount $mnt
$cli file resize disks/r.img size 16M force || fail "not made smaller by force"
bytes 16777216
$cli file unmap disks/r.img
$cli file delete disks/r.img
kill $runner; wait $runner || fail "nbd-runner ended with status $?"
say "done"
