#!/bin/sh
# A handler is upgraded while the kernel and a newstyle client write to disks of it and verify what they read.
# usage: upgrade.sh HOME JAR...   with HOME an unpacked distribution, of which the guest sees a copy, and newer versions of file's bundle
set -eu
home=$1
shift
. "$(dirname "$0")/common.sh"

start
$cli file create kernel size 32M
$cli file create newstyle size 32M
dev=$($cli file map kernel)

run_fio() {
    name=$1; shift
    fio --name="$name" --rw=randwrite --bs=4k --iodepth=32 --verify=crc32c --verify_backlog=256 --verify_fatal=1 --size=32M \
        --time_based --runtime=600 --output="/tmp/$name.txt" "$@" &
}
run_fio kernel --ioengine=libaio --direct=1 --filename="$dev"
kernel=$!
run_fio newstyle --ioengine=nbd --uri=nbd://localhost/file/newstyle
newstyle=$!

for jar; do
    $cli handler upgrade "$jar" || fail "upgrade to $jar"
    kill -0 $kernel 2>/dev/null && kill -0 $newstyle 2>/dev/null || { cat /tmp/*.txt >&2; fail "fio has ended: it met an error"; }
done
kill $kernel $newstyle
for name in kernel newstyle; do
    eval "wait \$$name" || [ $? = 128 ] || { cat /tmp/$name.txt >&2; fail "fio over $name met an error"; }
    grep -q "err= 0" /tmp/$name.txt || { cat /tmp/$name.txt >&2; fail "fio over $name met an error"; }
    echo "over $name:"; grep -E "IOPS|^ +clat .*max=" /tmp/$name.txt
done
if dmesg | grep -i "nbd.*\(error\|timed out\)"; then fail "the kernel saw an error"; fi
$cli file unmap "$dev"
kill $runner; wait $runner || fail "nbd-runner ended with status $?"
echo "== done"
