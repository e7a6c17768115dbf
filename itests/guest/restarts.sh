#!/bin/sh
# A mounted file system outlives its nbd-runner, in a guest with a real nbd.ko.
# usage: restarts.sh HOME   with HOME an unpacked distribution, of which the guest sees a copy
set -eu
home=$1
. "$(dirname "$0")/common.sh"

start
$cli file create disks/a.img size 128M
dev=$($cli file map disks/a.img)
say "a file system"
make_file_system disks/a.img

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
mount "$dev" $mnt
[ "$(sha256sum <$mnt/data)" = "$sum" ] || fail "data differ"
umount $mnt
e2fsck -fn "$dev" >/dev/null 2>&1 || fail "the file system is damaged"
$cli file unmap disks/a.img
kill $runner; wait $runner || fail "nbd-runner ended with status $?"
say "done"
