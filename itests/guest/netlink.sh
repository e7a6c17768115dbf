#!/bin/sh
# Checks the netlink mapper against a real kernel, in a guest of its own.
#
#   netlink.sh [CLASSPATH]
#
# CLASSPATH has the classes and the test classes of org.nbdrunner.netlink, and what those need; without it, it is what
# "mvn package" left under bundles/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bundles=$(cd "$here/../../bundles" && pwd)
classpath=${1:-$bundles/netlink/target/classes:$bundles/netlink/target/test-classes:$bundles/api/target/classes:$bundles/jnr/target/classes}

"$here/../services/vm.sh" run --nbds 0 --mem 1024 --timeout 240 --env CLASSPATH="$classpath" -- sh -euc '
    java="$(command -v java) -XX:+IgnoreUnrecognizedVMOptions --enable-native-access=ALL-UNNAMED
        --sun-misc-unsafe-memory-access=allow -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -Xmx64m"
    setpriv --reuid nobody --clear-groups -- $java org.nbdrunner.netlink.guest.GuestCheck unprivileged
    $java org.nbdrunner.netlink.guest.GuestCheck
'
