#!/bin/bash
# Runs one command in a throw-away Linux guest that has a kernel of its own, with nbd.ko.
#
#   vm.sh run [options] -- CMD [ARG...]   boot, run CMD as root, print what it prints, exit with its exit status
#   vm.sh fetch [BACKEND]                 download and unpack what a boot needs
#   vm.sh probe                           boot every backend once and time it
#
# Options of run:
#   --backend B     auto (default), kvm, uml or tcg; VM_BACKEND does the same
#   --share DIR     give the guest read-write access to the host's directory DIR, at the same path; may be repeated.
#                   DIR:PATH puts it at PATH.
#   --net           give the guest eth0 (10.0.2.15, user-mode NAT); a server on the host's 127.0.0.1:PORT is then
#                   10.0.2.2:PORT in the guest
#   --no-nbd        do not load nbd.ko (the guest can still "modprobe nbd")
#   --nbds N        load nbd.ko with nbds_max=N; default 0: devices then appear only when one is connected
#   --mem MIB       guest memory, default 2048
#   --env K=V       set a variable for CMD; may be repeated
#   --cwd DIR       CMD's directory, default the caller's (or / if not there)
#   --timeout SEC   kill the guest after SEC seconds, default 300
#   -v              afterwards, show the kernel's console and the timings
#
# Exit status: CMD's own; 124 the guest ran past --timeout; 125 it died before CMD ended; 126 this script could not
# start it.
#
# The guest's / is the host's / under an overlay: everything installed on the host (java, fio, mkfs, nbd-client, ...)
# runs in the guest, and whatever the guest writes goes to a tmpfs and is gone afterwards, save what it writes under a
# --share. /proc, /sys, /dev and /run are the guest's own. Loopback is up. CMD's standard input is /dev/null.
#
# The backends:
#   kvm  qemu with hardware virtualisation. Taken by "auto" when the processor shows vmx or svm. /dev/kvm alone proves
#        nothing: under a software KVM (nested page-table virtualisation) it opens, but stock kernels hang.
#   uml  User Mode Linux: the kernel as an ordinary process that traces the guest's processes. Needs no virtualisation
#        and runs user code at native speed; what is slow is the kernel's part: about 0.05 ms for a system call, 0.1 ms
#        for a page fault, 0.1 s to start a program, 1 s to start a JVM. One CPU.
#   tcg  qemu translating every instruction. Slowest. One CPU in one thread on purpose: with more, qemu 7.2 crashes
#        JIT-compiling JVMs.
#
# Debian packages: busybox-static must be installed, and for kvm/tcg also qemu-system-x86. The rest - user-mode-linux and
# kmod for uml, slirp for uml with --net, kmod and linux-image-amd64's kernel for kvm/tcg - is taken from the system
# where installed (not the kernel), or else downloaded with "apt-get download" and unpacked under $VM_CACHE; nothing is
# installed.

set -u
VM_CACHE=${VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nbd-runner-vm}
# Modules the qemu guests need before they can see the host's files.
QEMU_BOOT_MODULES="virtio_pci virtio_console 9pnet_virtio 9p overlay"

die() { echo "vm.sh: $*" >&2; exit 126; }
now() { date +%s%N; }
secs() { printf '%d.%02d' $(($1 / 1000000000)) $(($1 % 1000000000 / 10000000)); }

# ---------------------------------------------------------------- fetching ---

# unpack PACKAGE DIR: put a Debian package's files under DIR, once, however many ask at the same time.
unpack() {
    mkdir -p "$VM_CACHE" || die "cannot write to $VM_CACHE"
    # A subshell's exit leaves the lock, not this script: hence the second exit.
    (
        flock 9
        [ -e "$2/.done" ] || download "$1" "$2"
    ) 9>"$VM_CACHE/lock" || exit 126
}

download() {
    local package=$1 dir=$2 tmp
    tmp=$(mktemp -d) || die "no temporary directory"
    chmod 755 "$tmp"
    echo "vm.sh: fetching $package" >&2
    if ! (cd "$tmp" && apt-get -q download "$package" >log 2>&1); then
        cat "$tmp/log" >&2
        rm -rf "$tmp"
        die "cannot download $package (has 'apt-get update' been run?)"
    fi
    mkdir -p "$dir" && dpkg -x "$tmp"/*.deb "$dir" && touch "$dir/.done"
    rm -rf "$tmp"
    [ -e "$dir/.done" ] || die "cannot unpack $package under $dir"
}

# Finds the kmod tools: sets KMOD to the kmod binary.
need_kmod() {
    KMOD=$(command -v kmod) && return
    unpack kmod "$VM_CACHE/kmod"
    KMOD=$VM_CACHE/kmod/bin/kmod
    local t
    mkdir -p "$VM_CACHE/kmod/bin-by-name"
    for t in depmod modprobe; do ln -sf "$KMOD" "$VM_CACHE/kmod/bin-by-name/$t"; done
}
# kmod_as TOOL ARG...: run kmod under one of its names.
kmod_as() {
    if [ -e "$VM_CACHE/kmod/bin-by-name/$1" ]; then "$VM_CACHE/kmod/bin-by-name/$1" "${@:2}"
    else "$@"; fi
}

fetch_uml() {
    need_kmod
    UML=$(command -v linux.uml)
    UML_MODULES=/usr/lib/uml/modules
    if [ -z "$UML" ]; then
        unpack user-mode-linux "$VM_CACHE/uml"
        UML=$VM_CACHE/uml/usr/bin/linux.uml
        UML_MODULES=$VM_CACHE/uml/usr/lib/uml/modules
    fi
    KVER=$(basename "$(printf '%s\n' "$UML_MODULES"/* | sort -V | tail -1)")
    MODULES=$UML_MODULES/$KVER
    [ -e "$MODULES/kernel/drivers/block/nbd.ko" ] || die "no nbd.ko under $MODULES"
}

fetch_slirp() {
    SLIRP=$(command -v slirp-fullbolt) && return
    unpack slirp "$VM_CACHE/slirp"
    SLIRP=$VM_CACHE/slirp/usr/bin/slirp-fullbolt
}

# The generic kernel, because the "cloud" flavour has no 9p.
fetch_qemu() {
    command -v qemu-system-x86_64 >/dev/null || die "qemu-system-x86_64 is not installed"
    need_kmod
    local pkg m root=$VM_CACHE/linux
    if [ ! -e "$root/.done" ]; then
        pkg=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" {print $2; exit}')
        [ -n "$pkg" ] || die "no linux-image-amd64 known to apt"
        unpack "$pkg" "$root"
    fi
    KVER=$(basename "$(printf '%s\n' "$root"/lib/modules/* | sort -V | tail -1)")
    MODULES=$root/lib/modules/$KVER
    KERNEL=$root/boot/vmlinuz-$KVER
    INITRD=$root/initrd.img
    [ -e "$MODULES/modules.dep.bin" ] || kmod_as depmod -b "$root" "$KVER" || die "depmod failed"
    [ "$INITRD" -nt "${BASH_SOURCE[0]}" ] && return

    # A tiny initramfs: busybox, the modules that lead to the host's files, and
    # a script that loads them and goes on with the job's own init.
    local d; d=$(mktemp -d)
    mkdir -p "$d"/{bin,mod,proc,sys,dev,lower,job}
    cp "$(command -v busybox)" "$d/bin/busybox" || die "busybox-static is not installed"
    ln -s busybox "$d/bin/sh"
    # shellcheck disable=SC2086
    kmod_as modprobe -d "$root" -S "$KVER" --show-depends -a $QEMU_BOOT_MODULES |
        awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r m; do
            cp "$m" "$d/mod/" && basename "$m" >>"$d/mod/order"
        done
    cat >"$d/init" <<'EOF'
#!/bin/sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for m in $($b cat /mod/order); do $b insmod /mod/$m; done
p=trans=virtio,version=9p2000.L,msize=1048576
$b mount -t 9p -o $p,cache=loose,ro root /lower
$b mount -t 9p -o $p,cache=none job /job
exec /bin/sh /job/init
EOF
    chmod 755 "$d/init"
    (cd "$d" && find . | busybox cpio -o -H newc 2>/dev/null) >"$INITRD.new" &&
        mv "$INITRD.new" "$INITRD"
    rm -rf "$d"
}

pick_backend() {
    if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ] &&
        command -v qemu-system-x86_64 >/dev/null; then echo kvm
    elif [ "$(uname -m)" = x86_64 ]; then echo uml
    else echo tcg; fi
}

# --------------------------------------------------------------- the guest ---

# Writes the script that is the guest's first process (under qemu: what the
# initramfs goes on with).  Its task: stack the overlay, mount the file systems,
# run the command, leave its exit status in the job directory, power off.
write_init() {
    local i
    cat <<EOF
b='$BUSYBOX'
lower='$LOWER'
backend='$BACKEND'
EOF
    cat <<'EOF'
[ "$backend" = uml ] && { $b mount -t proc proc /proc; $b mount -t sysfs sysfs /sys; }
$b mount -t tmpfs -o mode=755 tmpfs $lower/mnt
$b mkdir $lower/mnt/up $lower/mnt/work $lower/mnt/root
EOF
    # shellcheck disable=SC2016
    [ "$BACKEND" = uml ] && echo "\$b insmod '$MODULES/kernel/fs/overlayfs/overlay.ko'"
    cat <<'EOF'
R=$lower/mnt/root
$b mount -t overlay -o lowerdir=$lower/,upperdir=$lower/mnt/up,workdir=$lower/mnt/work overlay $R
$b mount -t proc proc $R/proc
$b mount -t sysfs sysfs $R/sys
$b mount -t devtmpfs dev $R/dev
$b mkdir -p $R/dev/pts $R/dev/shm
$b mount -t devpts devpts $R/dev/pts
$b mount -t tmpfs shm $R/dev/shm
$b mount -t tmpfs -o mode=755 run $R/run
for l in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do
    $b ln -sfn ${l#*:} $R/dev/${l%%:*}
done
$b mkdir -p $R/run/vm-job $R/run/lock
$b hostname vm
$b ip link set lo up
EOF
    cat <<EOF
\$b mkdir -p \$R/lib/modules/$KVER
\$b mount -o bind "\$lower$MODULES" \$R/lib/modules/$KVER
[ -e \$R/usr/sbin/modprobe ] || [ -L \$R/usr/sbin/modprobe ] || for t in modprobe insmod rmmod lsmod depmod modinfo; do
    \$b ln -s '$KMOD' \$R/usr/sbin/\$t
done
EOF
    case $BACKEND in
        uml) echo "\$b mount -t hostfs -o '$JOB' job \$R/run/vm-job" ;;
        *)   echo "\$b mount -o bind /job \$R/run/vm-job" ;;
    esac
    for i in "${!SHARES[@]}"; do
        echo "\$b mkdir -p \"\$R${SHARE_AT[$i]}\""
        case $BACKEND in
            uml) echo "\$b mount -t hostfs -o '${SHARES[$i]}' share$i \"\$R${SHARE_AT[$i]}\"" ;;
            *)   echo "\$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576 share$i \"\$R${SHARE_AT[$i]}\"" ;;
        esac
    done
    [ -n "$NBDS" ] && echo "\$b chroot \$R /usr/sbin/modprobe nbd nbds_max=$NBDS"
    if [ "$NET" = 1 ]; then
        cat <<'EOF'
[ "$backend" = uml ] || $b chroot $R /usr/sbin/modprobe virtio_net
$b ip addr add 10.0.2.15/24 dev eth0
$b ip link set eth0 up
$b ip route add default via 10.0.2.2
EOF
    fi
    # The command's output goes through pipes, so that it sees no terminal, to
    # two raw lines that the host reads.  Daemons that it leaves behind may hold
    # the pipes open: do not wait for those for long.
    cat <<'EOF'
case $backend in
    uml) out=/dev/tty1; err=/dev/tty2
         $b stty raw -echo -F $R$out; $b stty raw -echo -F $R$err ;;
    *)   out=/dev/vport0p1; err=/dev/vport0p2 ;;
esac
p=$R/run/.vm
$b mkfifo $p.out $p.err
$b cat $p.out >$R$out & o=$!
$b cat $p.err >$R$err & e=$!
$b cut -d' ' -f1 /proc/uptime >$R/run/vm-job/booted
$b setsid $b chroot $R /bin/bash /run/vm-job/cmd </dev/null >$p.out 2>$p.err
echo $? >$R/run/vm-job/rc
$b sync
i=0
while { kill -0 $o || kill -0 $e; } 2>/dev/null && [ $i -lt 20 ]; do
    $b sleep 0.05; i=$((i + 1))
done
$b poweroff -f
EOF
}

# Writes the command as a script that any shell quoting survives.
write_cmd() {
    local e
    echo "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root"
    for e in LANG LC_ALL TERM TZ JAVA_HOME; do
        [ -n "${!e:-}" ] && printf 'export %s=%q\n' "$e" "${!e}"
    done
    for e in "${ENVS[@]}"; do printf 'export %s=%q\n' "${e%%=*}" "${e#*=}"; done
    printf 'cd %q 2>/dev/null || cd /\n' "$CWD"
    printf 'exec'; printf ' %q' "$@"; echo
}

start_uml() {
    local a=("mem=${MEM}M" rootfstype=hostfs rootflags=/ ro "init=$JOB/init" quiet
        "uml_dir=$JOB" umid=vm panic=-1
        con0=null,fd:5 con1=null,fd:3 con2=null,fd:4 con=null ssl=null)
    [ "$NET" = 1 ] && a+=("eth0=slirp,,$SLIRP")
    setsid "$UML" "${a[@]}" 3>"$JOB/out" 4>"$JOB/err" 5>"$JOB/console" </dev/null >>"$JOB/console" 2>&1 &
}

start_qemu() {
    local i a=(-m "$MEM" -nodefaults -no-user-config -display none -no-reboot
        -kernel "$KERNEL" -initrd "$INITRD"
        -append "console=ttyS0 quiet panic=-1 mitigations=off"
        -serial "file:$JOB/console"
        -device virtio-serial-pci
        -chardev "file,id=o,path=$JOB/out,append=on" -device virtserialport,chardev=o,nr=1
        -chardev "file,id=e,path=$JOB/err,append=on" -device virtserialport,chardev=e,nr=2
        -fsdev local,id=r,path=/,security_model=none,readonly=on,multidevs=remap
        -device virtio-9p-pci,fsdev=r,mount_tag=root
        -fsdev "local,id=j,path=$JOB,security_model=none"
        -device virtio-9p-pci,fsdev=j,mount_tag=job)
    for i in "${!SHARES[@]}"; do
        a+=(-fsdev "local,id=s$i,path=${SHARES[$i]},security_model=none,multidevs=remap"
            -device "virtio-9p-pci,fsdev=s$i,mount_tag=share$i")
    done
    [ "$NET" = 1 ] && a+=(-netdev user,id=n -device virtio-net-pci,netdev=n)
    if [ "$BACKEND" = kvm ]; then a+=(-M q35 -accel kvm -cpu host -smp 2)
    else a+=(-M q35 -accel tcg,thread=single,tb-size=256 -smp 1
        -cpu qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16); fi
    setsid qemu-system-x86_64 "${a[@]}" </dev/null >>"$JOB/qemu.log" 2>&1 &
}

# ---------------------------------------------------------------- commands ---

run() {
    BACKEND=${VM_BACKEND:-auto} NET=0 NBDS=0 MEM=2048 CWD=$PWD LIMIT=300 VERBOSE=0
    SHARES=() SHARE_AT=() ENVS=()
    while [ $# -gt 0 ]; do
        case $1 in
            --backend) BACKEND=$2; shift ;;
            --share)
                [ -d "${2%%:*}" ] || die "no such directory: ${2%%:*}"
                SHARES+=("$(cd "${2%%:*}" && pwd -P)")
                case $2 in *:*) SHARE_AT+=("${2#*:}") ;; *) SHARE_AT+=("$(cd "$2" && pwd)") ;; esac
                shift ;;
            --net) NET=1 ;;
            --no-nbd) NBDS= ;;
            --nbds) NBDS=$2; shift ;;
            --mem) MEM=$2; shift ;;
            --env) ENVS+=("$2"); shift ;;
            --cwd) CWD=$2; shift ;;
            --timeout) LIMIT=$2; shift ;;
            -v) VERBOSE=1 ;;
            --) shift; break ;;
            *) die "unknown option $1" ;;
        esac
        shift
    done
    [ $# -gt 0 ] || die "no command: vm.sh run [options] -- CMD"
    [ "$BACKEND" = auto ] && BACKEND=$(pick_backend)
    BUSYBOX=$(command -v busybox) || die "busybox-static is not installed"
    case $BACKEND in
        uml) fetch_uml; LOWER=; [ "$NET" = 1 ] && fetch_slirp ;;
        kvm | tcg) fetch_qemu; LOWER=/lower; BUSYBOX=/bin/busybox ;;
        *) die "unknown backend $BACKEND" ;;
    esac

    JOB=$(mktemp -d "${TMPDIR:-/tmp}/vm.XXXXXX") || die "no temporary directory"
    VM='' READERS=()
    trap 'stop_vm; rm -rf "$JOB"' EXIT
    trap 'exit 130' INT TERM HUP
    { echo '#!/bin/sh'; [ "$BACKEND" = uml ] && echo "exec 0</dev/null"; write_init; } >"$JOB/init"
    sed -i "1s|.*|#!$BUSYBOX sh|" "$JOB/init"
    chmod 755 "$JOB/init"
    write_cmd "$@" >"$JOB/cmd"

    local t0 watchdog rc
    t0=$(now)
    # Two pipes between the guest and the caller's stdout and stderr: qemu would
    # reopen those (wrong for plain files), uml would make them non-blocking.
    mkfifo "$JOB/out" "$JOB/err"
    cat "$JOB/out" & READERS+=($!)
    cat "$JOB/err" >&2 & READERS+=($!)
    if [ "$BACKEND" = uml ]; then start_uml; else start_qemu; fi
    VM=$!
    # The guest leads a process group of its own; after LIMIT all of it is killed.
    (sleep "$LIMIT" & s=$!; trap 'kill $s; exit' TERM; wait $s
     : >"$JOB/late"; kill -KILL -- "-$VM") >/dev/null 2>&1 &
    watchdog=$!
    wait "$VM" 2>/dev/null
    kill -TERM "$watchdog" 2>/dev/null; wait "$watchdog" 2>/dev/null
    : <>"$JOB/out"; : <>"$JOB/err" # lets the readers end even if the guest never wrote
    wait "${READERS[@]}"
    if [ -s "$JOB/rc" ]; then rc=$(cat "$JOB/rc")
    elif [ -e "$JOB/late" ]; then rc=124; echo "vm.sh: stopped after $LIMIT s" >&2
    else rc=125; VERBOSE=1; echo "vm.sh: the guest died before the command ended" >&2; fi
    if [ "$VERBOSE" = 1 ]; then
        cat "$JOB/qemu.log" "$JOB/console" 2>/dev/null | tail -40 | sed 's/^/vm.sh: console: /' >&2
        echo "vm.sh: $BACKEND, kernel $KVER, command started at guest uptime $(cat "$JOB/booted" 2>/dev/null || echo '?') s, all in $(secs $(($(now) - t0))) s" >&2
    fi
    exit "$rc"
}

stop_vm() {
    [ -n "$VM" ] && kill -KILL -- "-$VM" 2>/dev/null
    return 0
}

probe() {
    local b t0 rc
    for b in kvm uml tcg; do
        "$0" fetch "$b" || { echo "$b: cannot be fetched"; continue; }
        t0=$(now)
        "$0" run --backend "$b" --timeout 30 -- /bin/true >/dev/null 2>&1; rc=$?
        if [ $rc = 0 ]; then echo "$b: works, $(secs $(($(now) - t0))) s from start to finish"
        else echo "$b: does not work here (status $rc after $(secs $(($(now) - t0))) s)"; fi
    done
    echo "auto picks: $(pick_backend)"
}

case ${1:-} in
    run) shift; run "$@" ;;
    fetch)
        case ${2:-$(pick_backend)} in uml) fetch_uml; fetch_slirp ;; *) fetch_qemu ;; esac ;;
    probe) probe ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "$0"; exit 126 ;;
esac
