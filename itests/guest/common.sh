# What the scripts of a guest share: nbd-runner of $home, and saying what goes wrong.
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
# make_file_system KEY: on $dev, which the file KEY is mapped to; mounted, with data of which $sum is the checksum
make_file_system() {
    mkfs.ext4 -q "$dev"
    mount "$dev" $mnt
    dd if=/dev/urandom of=$mnt/data bs=1M count=20 2>/dev/null
    echo "marker-of-this-test-in-the-file-system" >$mnt/marker
    sum=$(sha256sum <$mnt/data)
    sync
    grep -qa "marker-of-this-test-in-the-file-system" "$home/data/files/$1" || fail "what was synced is not in the backstore"
}
