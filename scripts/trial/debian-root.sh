# Sourced by the trials: throwaway Debian roots. Needs root; installs debootstrap and systemd-nspawn where they are missing.

# Where the pristine root is kept, and each trial's copy is made.
TRIALS=${TRIALS:-$PWD/target/trials}

need_root_tools() {
    [ "$(id -u)" = 0 ] || { echo "this trial makes and boots a Debian root, so it has to be run as root" >&2; exit 1; }
    local tool missing=()
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [ ${#missing[@]} = 0 ] && return
    echo "installing what is missing: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    missing=("${missing[@]/systemd-nspawn/systemd-container}")
    { apt-get update && apt-get install --yes --no-install-recommends "${missing[@]/dockerd/docker.io}"; } >/dev/null
}

# A fresh copy of a small Debian with systemd, and PostgreSQL's programs but no server of their own; prints where it is.
fresh_root() {
    local base=$TRIALS/base root
    mkdir -p "$TRIALS"
    if ! [ -e "$base/made.2" ]; then
        rm -rf "$base"
        debootstrap --variant=minbase \
            --include=systemd,systemd-sysv,dbus,libnss-systemd,postgresql,ca-certificates,curl \
            bookworm "$base" >"$TRIALS/debootstrap.log" 2>&1 || { tail "$TRIALS/debootstrap.log" >&2; return 1; }
        touch "$base/made.2"
    fi
    root=$(mktemp -d "$TRIALS/root.XXXXXX")
    # A view of it that keeps its changes apart costs nothing; not every file system can be the lower half of one.
    mkdir "$root.changes" "$root.work"
    mount -t overlay -o "lowerdir=$base,upperdir=$root.changes,workdir=$root.work" overlay "$root" 2>/dev/null ||
        cp -a --reflink=auto "$base/." "$root"
    # The whole machine's own server, which Debian starts, is none of ours.
    ln -sf /dev/null "$root/etc/systemd/system/postgresql.service"
    rm -rf "$root/etc/postgresql/15"
    echo "$root"
}

# Takes a root away again.
discard() {
    ! mountpoint -q "$1" || umount "$1"
    rm -rf --one-file-system "$1" "$1.changes" "$1.work"
}

# Boots a root whose trial.service ends it, and hands on its exit status. In cgroups of its own: nspawn moves the
# processes beside it. TERM ends it in order; a KILL would orphan it.
boot() {
    local root=$1 name=lmp-billing-sync-trial.$$ hierarchy hierarchies status=0
    # The one of cgroups 2, and where systemd's is another one, that too.
    mapfile -t hierarchies < <(awk '$3 == "cgroup2" || ($3 == "cgroup" && $4 ~ /name=systemd/) { print $2 }' /proc/mounts)
    for hierarchy in "${hierarchies[@]}"; do
        mkdir -p "$hierarchy/$name"
    done
    (
        for hierarchy in "${hierarchies[@]}"; do
            echo "$BASHPID" >"$hierarchy/$name/cgroup.procs"
        done
        export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
        exec timeout --signal=TERM "${TRIAL_TIMEOUT:-1800}" systemd-nspawn --quiet --directory="$root" --register=no \
            --keep-unit --console=pipe --private-network --boot </dev/null >"$root/console" 2>&1
    ) || status=$?
    for hierarchy in "${hierarchies[@]}"; do
        find "$hierarchy/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    return "$status"
}

# Puts into a root: what runs inside it (a script of scripts/trial) as trial.service, whose end is the machine's end and
# whose exit status the machine's; and a simulated LMP as lmp-simulator.service, run by a given program.
prepare() {
    local root=$1 inside=$2 simulator=$3
    install -D -m 755 "$inside" "$root/trial/run"
    install -m 644 scripts/trial/inside.sh -t "$root/trial"
    # Not /usr/bin: the package's own program is put there and taken away in mid-trial.
    install -m 755 "$simulator" "$root/trial/simulator"
    cat >"$root/etc/systemd/system/lmp-simulator.service" <<END
[Service]
ExecStart=/trial/simulator simulate
DynamicUser=yes
END
    cat >"$root/etc/systemd/system/trial.service" <<END
[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/trial/run
StandardOutput=file:/trial/results
StandardError=file:/trial/results
TimeoutStartSec=infinity
END
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s /etc/systemd/system/trial.service "$root/etc/systemd/system/multi-user.target.wants/"
    # The network is the machine's own loopback, and nobody waits for more.
    ln -sf /dev/null "$root/etc/systemd/system/systemd-networkd-wait-online.service"
}

# Boots a root, prints what the trial found, and ends with its exit status.
try() {
    local root=$1 status=0
    boot "$root" || status=$?
    cat "$root/trial/results" 2>/dev/null || { echo "it did not come so far:" >&2; tail -n 30 "$root/console" >&2; }
    # A root that is stopped from outside ends well, too.
    grep -qx "0 failure(s)" "$root/trial/results" || [ "$status" != 0 ] || { echo "it did not come to its end" >&2; status=1; }
    exit "$status"
}
