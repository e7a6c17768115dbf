#!/usr/bin/env bash
# Microsoft's Azurite, an emulator of Azure's Blob service, on loopback.
#
#   azurite.sh up DIR PORT   start one whose state is in DIR, and print its settings as shell assignments
#   azurite.sh down DIR      stop it; what it has acknowledged stays in DIR
#   azurite.sh restart DIR   down, and up again with the same settings
#   azurite.sh sas DIR PERMISSIONS SECONDS   print a SAS for the blob service that ends so many seconds from now
#   azurite.sh install       only install it
#
# Settings, all optional, of up:
#   AZURITE_HOME       where npm installs it (by default below ~/.cache/nbd-runner; about 190 MB)
#   AZURITE_MEMORY=1   keep everything in memory: no state in DIR
#   AZURITE_TLS=1      HTTPS, with a certificate that is its own authority: DIR/tls/cert.pem
#   AZURITE_KEEPALIVE  seconds until it closes an idle connection (by default 5, as Azurite itself)
#   AZURITE_DELAY      ms that each answer waits, as if the service were far away (by default 0; not with TLS)
set -euo pipefail

VERSION=3.35.0 # later ones need a newer Node.js than Debian's
AZURITE_HOME=${AZURITE_HOME:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nbd-runner/azurite-$VERSION}
MAIN=$AZURITE_HOME/node_modules/azurite/dist/src/blob/main.js

# The account that every Azurite has; its key is in Azurite's documentation and no secret.
ACCOUNT=devstoreaccount1
KEY='Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
CONTAINER=vhds
API=2018-03-28

die() {
    echo "azurite.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" | sed '$d'
    exit 2
}

install_azurite() {
    command -v npm >/dev/null || die "npm is missing (on Debian: apt-get install nodejs npm)"
    mkdir -p "$AZURITE_HOME"
    (
        flock 9 # several may ask at once
        [ -e "$AZURITE_HOME/installed" ] && exit
        # Nothing in it needs an install script.
        npm install --prefix "$AZURITE_HOME" --no-audit --no-fund --no-save --no-package-lock --ignore-scripts \
            --loglevel=error "azurite@$VERSION" >&2
        [ -f "$MAIN" ] || die "npm has installed no azurite in $AZURITE_HOME"
        touch "$AZURITE_HOME/installed"
    ) 9>"$AZURITE_HOME/lock"
}

# What Azurite has no option for, or does not heed it.
write_preload() {
    cat >"$1" <<'JS'
const { Server } = require('node:net');
const http = require('node:http');
const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) {
    this.keepAliveTimeout = 1000 * process.env.AZURITE_KEEPALIVE;
    return listen.apply(this, args);
};
const delay = Number(process.env.AZURITE_DELAY);
if (delay > 0) {
    const emit = http.Server.prototype.emit;
    http.Server.prototype.emit = function (event, ...args) {
        if (event === 'request') {
            setTimeout(() => emit.call(this, event, ...args), delay);
            return true;
        }
        return emit.call(this, event, ...args);
    };
}
JS
}

query_encode() { sed 's/%/%25/g; s/+/%2B/g; s,/,%2F,g; s/=/%3D/g; s/:/%3A/g' <<<"$1"; }

sign() {
    local hexkey
    hexkey=$(base64 -d <<<"$KEY" | od -An -v -tx1 | tr -d ' \n')
    printf '%s' "$1" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hexkey" -binary | base64 -w0
}

# make_sas PERMISSIONS EXPIRY: of the account, for its blobs and containers
make_sas() {
    local text
    printf -v text '%s\n' "$ACCOUNT" "$1" b sco "" "$2" "" https,http "$API"
    echo "sv=$API&ss=b&srt=sco&sp=$1&se=$(query_encode "$2")&spr=https,http&sig=$(query_encode "$(sign "$text")")"
}

# make_container_sas PERMISSIONS EXPIRY: of the container. With one of the account the emulator resizes no blob.
make_container_sas() {
    local text
    printf -v text '%s\n' "$1" "" "$2" "/blob/$ACCOUNT/$CONTAINER" "" "" https,http "$API" "" "" "" ""
    echo "sv=$API&sr=c&sp=$1&se=$(query_encode "$2")&spr=https,http&sig=$(query_encode "$(sign "$text")")"
}

expiry() { date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ; }

# Java looks for host names in subjectAltName only.
make_certificate() {
    [ ! -s "$1/cert.pem" ] || return 0
    mkdir -p "$1"
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$1/key.pem" -out "$1/cert.pem" 2>/dev/null
}

# The process that up started in DIR, if it is that still: its working directory tells.
running_pid() {
    local pid
    [ -s "$1/pid" ] || return 1
    pid=$(<"$1/pid")
    [ "$(readlink "/proc/$pid/cwd" || true)" = "$1/data" ] || return 1
    echo "$pid"
}

up() {
    local dir port=$2 scheme=http pid i args=()
    mkdir -p "$1/data"
    dir=$(cd "$1" && pwd)
    ! running_pid "$dir" >/dev/null || die "it runs already in $dir"
    install_azurite
    [ "${AZURITE_MEMORY:-0}" != 1 ] || args+=(--inMemoryPersistence)
    if [ "${AZURITE_TLS:-0}" = 1 ]; then
        make_certificate "$dir/tls"
        args+=(--cert "$dir/tls/cert.pem" --key "$dir/tls/key.pem")
        scheme=https
    fi
    write_preload "$dir/preload.cjs"
    (cd "$dir/data" && AZURITE_KEEPALIVE=${AZURITE_KEEPALIVE:-5} AZURITE_DELAY=${AZURITE_DELAY:-0} exec setsid node \
        --require "$dir/preload.cjs" "$MAIN" --blobHost 127.0.0.1 --blobPort "$port" --disableTelemetry --silent "${args[@]}" >>"$dir/azurite.log" 2>&1 </dev/null) &
    pid=$!
    echo "$pid" >"$dir/pid"
    for ((i = 0; i < 600; i++)); do
        kill -0 "$pid" 2>/dev/null || die "it has ended: $(tail -3 "$dir/azurite.log")"
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        sleep 0.1
    done
    ((i < 600)) || die "no answer on port $port after 60 s"
    cat >"$dir/env" <<ENV
AZURITE_PID='$pid'
AZURITE_PORT='$port'
AZURITE_URL='$scheme://127.0.0.1:$port/$ACCOUNT/$CONTAINER'
AZURITE_KEY='$KEY'
AZURITE_SAS='$(make_sas rwdlac "$(expiry 86400)")'
AZURITE_CONTAINER_SAS='$(make_container_sas racwdl "$(expiry 86400)")'
AZURITE_MEMORY='${AZURITE_MEMORY:-0}'
AZURITE_TLS='${AZURITE_TLS:-0}'
AZURITE_KEEPALIVE='${AZURITE_KEEPALIVE:-5}'
AZURITE_DELAY='${AZURITE_DELAY:-0}'
ENV
    create_container "$dir"
    cat "$dir/env"
}

# The handler makes no containers. 409: it is there already.
create_container() {
    local status
    # shellcheck disable=SC1091
    status=$(. "$1/env" && curl -s -k -o /dev/null -w '%{http_code}' -X PUT -H "x-ms-version: $API" -H 'Content-Length: 0' \
        "$AZURITE_URL?restype=container&$AZURITE_SAS")
    [ "$status" = 201 ] || [ "$status" = 409 ] || die "making the container: HTTP $status"
}

down() {
    local dir pid i
    dir=$(cd "$1" 2>/dev/null && pwd) || die "there is no folder $1"
    pid=$(running_pid "$dir") || return 0
    kill "$pid"
    for ((i = 0; i < 300; i++)); do
        running_pid "$dir" >/dev/null || break
        sleep 0.1
    done
    ! running_pid "$dir" >/dev/null || kill -KILL "$pid"
    rm -f "$dir/pid"
}

restart() {
    [ -r "$1/env" ] || die "nothing was started in $1"
    # shellcheck disable=SC1091
    . "$1/env"
    down "$1"
    up "$1" "$AZURITE_PORT"
}

case "${1:-}:$#" in
    up:3) up "$2" "$3" ;;
    down:2) down "$2" ;;
    restart:2) restart "$2" ;;
    sas:4) make_sas "$3" "$(expiry "$4")" ;;
    install:1) install_azurite ;;
    *) usage ;;
esac
