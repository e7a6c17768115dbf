#!/bin/bash
# One-node Ceph on 127.0.0.1 for tests: one monitor, one OSD, one pool named
# rbd.  No manager, no systemd; everything it writes lives under DIR.
#
#   ceph.sh COMMAND [DIR]                 DIR is nbdtest/ceph under TMPDIR by default
#
#   up          create the cluster if DIR is empty, start what is not running,
#               wait until all placement groups are active+clean, print CEPH_CONF
#   down        stop OSD and monitor; the state stays and `up` brings it back
#   wipe        down, then delete DIR
#   status      pids and health
#   kill-osd    SIGKILL the OSD: a crash       stop-osd   SIGTERM: a clean stop
#   start-osd   start it again, wait for active+clean
#   pause-osd   SIGSTOP the OSD: it hangs      resume-osd SIGCONT
#   kill-mon    SIGKILL the monitor            start-mon  start it again, wait until it answers
#   shrink-osd  declare the OSD full           grow-osd   take that back
#
# Environment, read when the cluster is created:
#   CEPH_PORT=13300       monitor port; the OSD listens on CEPH_PORT+1 ... +40
#   CEPH_STORE=bluestore  a sparse file, survives kill-osd; or memstore: RAM,
#                         about twice as fast, everything is gone with the OSD
#   CEPH_STORE_SIZE=8G    size of that file or RAM store; an OSD that fills it
#                         aborts, so leave room
#   CEPH_AUTH=cephx       or none
set -euo pipefail

CMD=${1:-}
DIR=$(realpath -m "${2:-${TMPDIR:-/tmp}/nbdtest/ceph}")
CONF=$DIR/ceph.conf
PORT=${CEPH_PORT:-13300}
STORE=${CEPH_STORE:-bluestore}
SIZE=$(numfmt --from=iec "${CEPH_STORE_SIZE:-8G}")
AUTH=${CEPH_AUTH:-cephx}
POOL=rbd
PGS=8

die() { echo "ceph.sh: $*" >&2; exit 1; }
# Without a limit the ceph tool waits for ever when no monitor answers.
ceph_() { timeout 30 ceph -c "$CONF" --connect-timeout 20 "$@"; }
in_ram() { grep -qs '^osd objectstore = memstore' "$CONF"; }

# --- processes, by pid file only --------------------------------------------

# Prints the pid of daemon $1 (mon.a or osd.0) if it lives and is really ours:
# the pid in a stale file may belong to somebody else by now.
pid_of() {
  local pid
  pid=$(cat "$DIR/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "-c $CONF " || return 1
  echo "$pid"
}

start() {                       # start mon.a|osd.0
  pid_of "$1" >/dev/null && return 0
  "ceph-${1%.*}" -i "${1#*.}" -c "$CONF" --pid-file "$DIR/run/$1.pid" \
    >>"$DIR/log/$1.out" 2>&1 9>&- || die "$1 did not start, see $DIR/log"
}

stop() {                        # stop mon.a|osd.0 SIGNAL; SIGKILL after 15 s
  local pid i
  if pid=$(pid_of "$1"); then
    kill "-$2" "$pid"
    kill -CONT "$pid" 2>/dev/null || true       # it may have been paused
    for ((i = 0; i < 200; i++)); do
      pid_of "$1" >/dev/null || break
      [ $i -ne 150 ] || kill -KILL "$pid" 2>/dev/null || true
      sleep 0.1
    done
    [ $i -lt 200 ] || die "$1 (pid $pid) does not end"
  fi
  rm -f "$DIR/run/$1.pid"
}

# `ceph pg stat` knows nothing without a manager, so every placement group is
# asked itself; from one process, as each `ceph` call costs a third of a second.
# A question that went to an OSD which has just died is never answered, hence the
# limit for each round.
all_clean() {
  timeout -k 1 8 /usr/bin/python3 - "$CONF" $POOL <<'PY'
import json, sys, rados
conf, pool = sys.argv[1:]

with rados.Rados(conffile=conf) as cluster:
    def state(pg):
        ask = json.dumps(dict(prefix='query', pgid=pg, format='json'))
        rc, out, _ = cluster.pg_command(pg, ask, b'', timeout=5)
        return json.loads(out)['state'] if rc == 0 else 'error %d' % rc

    dump = json.loads(cluster.mon_command(json.dumps(dict(prefix='osd dump', format='json')), b'')[1])
    pools = [p for p in dump['pools'] if p['pool_name'] == pool]
    if not pools or not all(osd['up'] for osd in dump['osds']):
        sys.exit('no pool, or an OSD is down')
    for n in range(pools[0]['pg_num']):
        found = state('%d.%x' % (pools[0]['pool'], n))
        # It may be scrubbing, or trimming a snapshot, besides.
        if not {'active', 'clean'} <= set(found.split('+')):
            sys.exit('placement group %d is %s' % (n, found))
PY
}

wait_clean() {
  local end=$((SECONDS + 90))
  until all_clean 2>"$DIR/log/clean.out"; do
    [ $SECONDS -lt $end ] || die "not active+clean after 90 s: $(tail -1 "$DIR/log/clean.out")"
    sleep 0.1
  done
}

# --- creation ----------------------------------------------------------------

write_conf() {                  # write_conf FSID
  cat >"$CONF" <<INI
[global]
fsid = $1
mon host = v2:127.0.0.1:$PORT/0
keyring = $DIR/keyring
auth cluster required = $AUTH
auth service required = $AUTH
auth client required = $AUTH
auth allow insecure global id reclaim = false

# loopback and the current wire protocol only
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
ms bind port min = $((PORT + 1))
ms bind port max = $((PORT + 40))

# one copy on one OSD, and no manager, count as healthy
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon mgr mkfs grace = 1000000000
mon data avail warn = 2
mon data avail crit = 1

# publish map changes at once instead of gathering them for a second each
paxos propose interval = 0.05
paxos min wait = 0.01

run dir = $DIR/run
crash dir = $DIR/crash
debug rocksdb = 1/1

[mon]
mon data = $DIR/mon.a
mon cluster log file = $DIR/log/cluster.log
keyring = $DIR/mon.a/keyring

[osd]
osd data = $DIR/osd.0
keyring = $DIR/osd.0/keyring
osd objectstore = $STORE
bluestore block size = $SIZE
bluestore fsck on mkfs = false
memstore device bytes = $SIZE
# the least it accepts; the default is 4 GiB
osd memory target = 939524096

# named one by one, so that clients open no logs or sockets in here
[mon.a]
log file = $DIR/log/mon.a.log
admin socket = $DIR/run/mon.a.asok
[osd.0]
log file = $DIR/log/osd.0.log
admin socket = $DIR/run/osd.0.asok

[client]
# ask for a newer OSD map twice a second while requests are stuck (default: every
# 5 s), so that an open image works again soon after start-osd
objecter tick interval = 0.5
INI
}

create() {
  local fsid uuid
  fsid=$(cat /proc/sys/kernel/random/uuid)
  uuid=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$DIR"/{run,log,crash,mon.a,osd.0}
  write_conf "$fsid"

  # The monitor's own key goes into a file outside mon.a: --mkfs says nothing
  # and does nothing when that directory is not empty.
  ceph-authtool -C "$DIR/keyring" --gen-key -n client.admin \
    --cap mon 'allow *' --cap osd 'allow *' >/dev/null
  cp "$DIR/keyring" "$DIR/seed"
  ceph-authtool "$DIR/seed" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$PORT/0]" "$DIR/monmap" >/dev/null
  ceph-mon --mkfs -i a -c "$CONF" --monmap "$DIR/monmap" --keyring "$DIR/seed" \
    >>"$DIR/log/mon.a.out" 2>&1 || die "monitor: mkfs failed, see $DIR/log"
  start mon.a

  ceph-authtool -C "$DIR/osd.0/keyring" --gen-key -n osd.0 >/dev/null
  printf '{"cephx_secret": "%s"}' "$(ceph-authtool "$DIR/osd.0/keyring" -n osd.0 -p)" |
    ceph_ osd new "$uuid" 0 -i - >/dev/null
  ceph-osd --mkfs -i 0 -c "$CONF" --osd-uuid "$uuid" \
    >>"$DIR/log/osd.0.out" 2>&1 || die "OSD: mkfs failed, see $DIR/log"
  start osd.0

  ceph_ osd pool create $POOL $PGS 2>/dev/null
  timeout 60 rbd -c "$CONF" pool init $POOL
  touch "$DIR/created"
}

up() {
  command -v ceph-mon ceph-osd >/dev/null || die "no ceph daemons: install ceph-mon and ceph-osd"
  mkdir -p "$DIR"
  [ -e "$CONF" ] || [ -z "$(ls -A "$DIR")" ] || die "$DIR is in use by something else"
  exec 9<"$DIR"; flock 9                # of two callers at once, one creates
  if [ -e "$DIR/created" ] && { ! in_ram || pid_of osd.0 >/dev/null; }; then
    start mon.a
    start osd.0
  else                                  # new, half made, or lost with its RAM
    stop osd.0 KILL
    stop mon.a KILL
    rm -rf "$DIR"/{created,ceph.conf,keyring,seed,monmap,run,log,crash,mon.a,osd.0}
    create
  fi
  wait_clean
  echo "CEPH_CONF=$CONF"
}

ratios() {                      # order matters: nearfull <= backfillfull <= full
  local a
  for a in "$@"; do ceph_ osd "set-${a%=*}-ratio" "${a#*=}" 2>/dev/null >&2; done
}

case $CMD in
  up) up ;;
  down) stop osd.0 TERM; stop mon.a TERM ;;
  wipe)
    [ -e "$CONF" ] || exit 0
    stop osd.0 KILL; stop mon.a KILL; rm -rf "$DIR" ;;
  status)
    for d in mon.a osd.0; do echo "$d: $(pid_of $d || echo stopped)"; done
    ! pid_of mon.a >/dev/null || ceph_ health detail ;;
  kill-osd | stop-osd)
    ! in_ram || die "memstore does not survive that"
    if [ "$CMD" = kill-osd ]; then stop osd.0 KILL; else stop osd.0 TERM; fi ;;
  start-osd) start osd.0; wait_clean ;;
  pause-osd) kill -STOP "$(pid_of osd.0)" ;;
  resume-osd) kill -CONT "$(pid_of osd.0)" ;;
  kill-mon) stop mon.a KILL ;;
  start-mon) start mon.a; wait_clean ;;
  shrink-osd) ratios nearfull=0.000001 backfillfull=0.000001 full=0.000001 ;;
  grow-osd) ratios full=0.95 backfillfull=0.9 nearfull=0.85 ;;
  *) die "usage: $0 up|down|wipe|status|{kill,stop,start,pause,resume,shrink,grow}-osd|{kill,start}-mon [DIR]" ;;
esac
