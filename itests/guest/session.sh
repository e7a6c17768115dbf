#!/bin/sh
# The main job in a guest with a real nbd.ko, from "create" to a mounted file system and back, on devices of all kinds.
# usage: session.sh HOME   with HOME an unpacked distribution, of which the guest sees a copy
set -eu
home=$1
. "$(dirname "$0")/common.sh"

start
say "create and map"
$cli file create disks/a.img size 128M
dev=$($cli file map disks/a.img)
[ -b "$dev" ] || fail "map printed '$dev', which is no block device"
n=${dev#/dev/}
sys=/sys/block/$n
[ "$(cat $sys/size)" = 262144 ] || fail "size $(cat $sys/size)"
[ "$(cat $sys/queue/write_cache)" = "write back" ] || fail "write cache: $(cat $sys/queue/write_cache)"
[ "$(cat $sys/queue/fua)" = 1 ] || fail "no FUA"
[ "$(cat $sys/queue/discard_max_bytes)" -gt 0 ] || fail "no discard"
[ "$(cat $sys/queue/logical_block_size)" = 512 ] || fail "logical block $(cat $sys/queue/logical_block_size)"

say "512-byte direct I/O"
dd if=/dev/urandom of=/tmp/sector bs=512 count=1 2>/dev/null
dd if=/tmp/sector of="$dev" bs=512 seek=3 oflag=direct 2>/dev/null
dd if="$dev" bs=512 skip=3 count=1 iflag=direct 2>/dev/null | cmp - /tmp/sector || fail "a sector differs"

say "a file system"
make_file_system disks/a.img

say "a live mapping is not disturbed"
refused "already mapped to $dev" $cli file map disks/a.img
echo more >$mnt/more && sync || fail "the live mapping was disturbed"
refused "mounted\|in use" $cli file unmap disks/a.img
refused "mounted\|in use" $cli file unmap "$dev"
refused "mapped" $cli file delete disks/a.img
[ "$(cat $mnt/more)" = more ] || fail "the mount was disturbed"

umount $mnt

say "unmap, map again: the data are there"
$cli file unmap disks/a.img
[ ! -e $sys/pid ] || fail "the kernel still holds $dev"
refused "no maping\|not mapped" $cli file unmap disks/a.img
dev=$($cli file map disks/a.img)
mount "$dev" $mnt
[ "$(sha256sum <$mnt/data)" = "$sum" ] || fail "data differ"
umount $mnt
e2fsck -fn "$dev" >/dev/null 2>&1 || fail "the file system is damaged"
$cli file unmap "$dev"

say "read-only"
dev=$($cli file map disks/a.img readonly)
[ "$(cat /sys/block/${dev#/dev/}/ro)" = 1 ] || fail "$dev is writable"
if dd if=/tmp/sector of="$dev" bs=512 oflag=direct 2>/dev/null; then fail "a read-only device was written"; fi
mount -o ro,noload "$dev" $mnt
[ "$(sha256sum <$mnt/data)" = "$sum" ] || fail "data differ"
umount $mnt
$cli file unmap disks/a.img

say "another client, over the newstyle protocol"
modprobe -r nbd 2>/dev/null || true; modprobe nbd nbds_max=4
nbd-client -N file/disks/a.img 127.0.0.1 10809 /dev/nbd2 >/dev/null
mount /dev/nbd2 $mnt
[ "$(sha256sum <$mnt/data)" = "$sum" ] || fail "data differ over newstyle"
umount $mnt
nbd-client -d /dev/nbd2 >/dev/null

say "memory, on a device of one's choice"
$cli dummy create mem size 64M
[ "$($cli dummy map mem /dev/nbd3 timeout 10)" = /dev/nbd3 ] || fail "not on /dev/nbd3"
dd if=/tmp/sector of=/dev/nbd3 bs=512 oflag=direct 2>/dev/null
dd if=/dev/nbd3 bs=512 count=1 iflag=direct 2>/dev/null | cmp - /tmp/sector || fail "a sector differs"
$cli list
$cli dummy unmap /dev/nbd3
$cli dummy delete mem
$cli file delete disks/a.img
[ ! -e "$home/data/files/disks/a.img" ] || fail "a deleted backstore is still there"
kill $runner; wait $runner || fail "nbd-runner ended with status $?"
say "done"
