#!/bin/sh
# The main job in a guest with a real nbd.ko, from "create" to a mounted file system and back.
# usage: session.sh HOME   with HOME an unpacked distribution, of which the guest sees a copy
set -eu
home=$1
cli=$home/bin/nbd-cli
log=/tmp/nbd-runner.log
mnt=/tmp/mnt
export NBD_RUNNER_OPTS="-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC -Xmx128m"
mkdir -p $mnt

say() { echo "== $*"; }
fail() { echo "FAILED: $*" >&2; echo "--- nbd-runner said:" >&2; cat $log >&2; exit 1; }
# refused WORDS COMMAND...: the command fails with status 1 and says the words
refused() {
    words=$1; shift
    if "$@" >/tmp/out 2>/tmp/err; then fail "not refused: $*"; fi
    grep -q "$words" /tmp/err || { cat /tmp/err >&2; fail "$* did not say '$words'"; }
}
start() {
    "$home/bin/nbd-runner" </dev/null >$log 2>&1 &
    runner=$!
    i=0
    until grep -q "is serving" $log; do
        i=$((i + 1)); [ $i -lt 600 ] || fail "nbd-runner does not serve"
        kill -0 $runner 2>/dev/null || fail "nbd-runner ended"
        sleep 0.1
    done
}
state() { $cli list --json | tr -d ' \n' | grep -o "\"backstore\":\"$1\"[^}]*" ; }

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
mkfs.ext4 -q "$dev"
mount "$dev" $mnt
dd if=/dev/urandom of=$mnt/data bs=1M count=20 2>/dev/null
echo "marker-of-this-test-in-the-file-system" >$mnt/marker
sum=$(sha256sum <$mnt/data)
sync
grep -qa "marker-of-this-test-in-the-file-system" "$home/data/files/disks/a.img" || fail "what was synced is not in the backstore"

say "a live mapping is not disturbed"
refused "already mapped to $dev" $cli file map disks/a.img
echo more >$mnt/more && sync || fail "the live mapping was disturbed"
refused "mounted\|in use" $cli file unmap disks/a.img
refused "mounted\|in use" $cli file unmap "$dev"
refused "mapped" $cli file delete disks/a.img
[ "$(cat $mnt/more)" = more ] || fail "the mount was disturbed"

say "killed, started again, mapped again: the mount goes on"
kill -9 $runner; wait $runner 2>/dev/null || true
start
state disks/a.img | grep -q dead || fail "not dead after a restart: $($cli list --json)"
[ "$($cli file map disks/a.img)" = "$dev" ] || fail "the dead mapping was not restored on $dev"
echo again >$mnt/again && sync || fail "no I/O after the restoration"
[ "$(sha256sum <$mnt/data)" = "$sum" ] || fail "data differ after the restoration"

say "stopped politely under writes: a pause, no error"
dd if=/dev/zero of=$mnt/stream bs=64k count=320 oflag=direct 2>/tmp/dd.err &
writer=$!
kill $runner; wait $runner 2>/dev/null || true
start
[ "$($cli file map disks/a.img)" = "$dev" ] || fail "the mapping was not restored after SIGTERM"
wait $writer || { cat /tmp/dd.err >&2; fail "a write failed over a polite restart"; }
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

say "resized: the device follows, under a mounted file system"
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
