#!/usr/bin/env bash
# Builds the image of packaging/Containerfile, both stages, and runs it as its head says: read-only, without capabilities,
# as its own user. On a machine that reaches Debian's packages and the crates, but no registry of images.
#
#   sudo scripts/container-trial.sh            PROFILE=dev builds a debug program: quicker, as good for this
#
# The images that the Containerfile names are replaced by ones of Debian's packages: the builder by gcc and this machine's
# Rust, the base by the few libraries that the program is linked with. Starts a Docker daemon of its own and takes it away
# again, with all images. Needs root. Not part of CI: it takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/trial/debian-root.sh

need_root_tools dockerd debootstrap
work=$(mktemp -d)
export DOCKER_HOST="unix://$work/docker.sock" DOCKER_BUILDKIT=0

fail() {
    echo "FAIL  $1" >&2
    tail -n 5 "$work/dockerd.log" >&2
    exit 1
}

cleanup() {
    [ -z "${server:-}" ] || setpriv --reuid=postgres --regid=postgres --init-groups "$server/pg_ctl" -D "$work/data" -m immediate stop >/dev/null
    if [ -s "$work/dockerd.pid" ]; then
        docker ps --quiet --all | xargs --no-run-if-empty docker rm --force >/dev/null
        kill "$(cat "$work/dockerd.pid")"
        wait
    fi
    # What a container in this machine's network leaves behind.
    umount "$work"/exec/netns/* 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT

# Waits until a command succeeds, for at most two minutes.
until_true() {
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.2
    done
}

start_docker() {
    # Nothing of this machine's network is touched: what runs inside shares it.
    local storage
    for storage in overlay2 vfs; do
        dockerd --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
            --storage-driver "$storage" --bridge none --iptables=false --ip6tables=false >"$work/dockerd.log" 2>&1 &
        ! until_true docker info || return 0
        kill %% 2>/dev/null || true
        wait
    done
    fail "the Docker daemon does not start"
}

make_images() {
    echo "making the images to build from ..."
    local rust=$work/builder/usr/local/rust
    debootstrap --variant=minbase --include=gcc,libc6-dev,ca-certificates bookworm "$work/builder" >"$work/debootstrap.log" 2>&1 ||
        { tail "$work/debootstrap.log" >&2; fail "debootstrap"; }
    mkdir -p "$rust"
    tar -C "$(rustc --print sysroot)" --exclude=share -c bin lib | tar -C "$rust" -x
    # Whoever vouches for registries here does so there.
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/builder/etc/ssl/certs/ca-certificates.crt"
    tar -C "$work/builder" -c . | docker import --change "ENV PATH=/usr/local/rust/bin:/usr/bin:/bin" - trial-builder >/dev/null

    mkdir "$work/base" "$work/packages"
    (cd "$work/packages" && apt-get download -q libc6 libgcc-s1 base-files tzdata >/dev/null 2>&1)
    for package in "$work"/packages/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -C "$work/base" -x --keep-directory-symlink
    done
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt -t "$work/base/etc/ssl/certs"
    tar -C "$work/base" -c . | docker import - trial-base >/dev/null
    rm -rf "$work/builder" "$work/base" "$work/packages"
}

start_server() {
    local bin
    scripts/ensure-postgres.sh
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    chmod 711 "$work"
    install -d -o postgres "$work/data"
    as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
    as_postgres "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
    (cd "$work/data" && as_postgres "$bin/pg_ctl" -w -D "$work/data" -l "$work/data/log" \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=" start >/dev/null)
    server=$bin
}

holds() {
    local what=$1
    shift
    "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "$what"; }
    echo "ok    $what"
}

# As the Containerfile's head says, but in this machine's network.
run() {
    docker run --network host --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
        -v "$work/config.toml:/etc/lmp-billing-sync/config.toml:ro" -v "$work/secrets:/etc/lmp-billing-sync/secrets:ro" "$@"
}

is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' daemon)" = healthy ]; }
stops_in_order() {
    docker stop --time 15 daemon && [ "$(docker inspect --format '{{.State.ExitCode}}' daemon)" = 0 ]
}

start_docker
make_images
port=54399
start_server
echo "building the image ..."
holds "the image is built, with what the lock file says" \
    docker build --network host -f packaging/Containerfile -t lmp-billing-sync --build-arg BUILDER=trial-builder \
    --build-arg BASE=trial-base --build-arg "PROFILE=${PROFILE:-release}" .
docker images lmp-billing-sync --format 'image of {{.Size}}'

token=$(cat /proc/sys/kernel/random/uuid)
mkdir "$work/secrets"
echo "$token" >"$work/secrets/emea.token"
echo "secret-key-of-a-trial" >"$work/secrets/emea.secret"
chown -R 65532 "$work/secrets"
chmod 400 "$work"/secrets/*
sed -e "s|^url = .*|url = \"postgres://postgres@127.0.0.1:$port/postgres\"|" -e 's|^listen = .*|listen = "0.0.0.0:9464"|' \
    -e 's|^base_url = .*|base_url = "http://127.0.0.1:8980"|' config.example.toml >"$work/config.toml"

holds "a simulated LMP runs in it" docker run --detach --network host --name simulator lmp-billing-sync simulate \
    --access-token "$token" --secret-key secret-key-of-a-trial
holds "check finds all well" until_true run --rm lmp-billing-sync check
run --rm lmp-billing-sync check
holds "the daemon starts" run --detach --name daemon --health-interval 1s lmp-billing-sync
holds "its health is good" until_true is_healthy
holds "status shows reports" sh -c "DOCKER_HOST=$DOCKER_HOST docker exec daemon /usr/bin/lmp-billing-sync status | grep -E '20[0-9]{2}-[0-9]{2}'"
cat "$work/said" | head -n 5
holds "it is not root" sh -c "[ \$(docker exec daemon /usr/bin/lmp-billing-sync --version >/dev/null; docker inspect --format '{{.Config.User}}' daemon) = 65532:65532 ]"
holds "it stops in order" stops_in_order
echo "0 failure(s)"
