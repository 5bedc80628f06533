#!/bin/sh
# Runs the tests against a real container (TEST_DATABASE=testcontainers) on a Debian machine that can
# reach Debian's packages but no registry of container images. Where there is a Docker that can get
# the postgres image, this script is not needed: TEST_DATABASE=testcontainers cargo test does it all.
#
#   sudo scripts/testcontainers-trial.sh [TEST-FILTER...]
#
# Makes an image that behaves like the official one (debootstrap, docker import), starts a Docker
# daemon of its own for it, runs the tests, and looks for containers left behind. Daemon, bridge and
# firewall rules live in namespaces of this run, the image in a temporary folder, and all go with it.
# Takes a minute or two, most of it debootstrap's. Not part of CI.
set -eu
cd "$(dirname "$0")/.."

main() {
    for tool in dockerd docker debootstrap unshare ip cargo; do
        command -v "$tool" >/dev/null ||
            fail "$tool is missing. All but cargo: apt-get install --yes docker.io debootstrap iproute2"
    done
    [ "$(id -u)" -eq 0 ] || fail "a Docker daemon and debootstrap need root: sudo $0"

    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # The namespaces have no network, so everything that needs one comes first.
    cargo test --locked --no-run
    echo "Making the image's files ..."
    make_root "$work/root"
    unshare --net --mount --pid --fork --kill-child --mount-proc "scripts/$(basename "$0")" --inside "$work" "$@"
}

inside() {
    work=$1
    shift
    export DOCKER_HOST="unix://$work/docker.sock"
    ip link set lo up
    start_docker
    import_image
    docker version --format 'Docker {{.Server.Version}}'
    docker images

    outcome=0
    TEST_DATABASE=testcontainers TEST_POSTGRES_TAG=$tag cargo test --locked --test it -- "$@" || outcome=$?

    # A shell of the tests removes the container once they have ended.
    left=30
    while [ -n "$(docker ps --all --quiet)" ] && [ "$left" -gt 0 ]; do
        sleep 1
        left=$((left - 1))
    done
    seen=$(docker events --since 30m --until 0s --filter type=container --filter "image=postgres:$tag" \
        --format '{{.Action}}' | grep -x -e create -e start -e kill -e destroy | paste -s -d ' ')
    echo "What Docker saw of containers of postgres:$tag: $seen"
    [ -n "$seen" ] || fail "the tests have not used a container"
    [ -z "$(docker ps --all --quiet)" ] || fail "the tests have left a container behind"
    exit "$outcome"
}

make_root() {
    . /etc/os-release
    # Whatever mirror this machine already uses for its own release.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' \
        "Identifier: Packages" "Codename: $VERSION_CODENAME" "Component: main" | head -n 1)
    debootstrap --variant=minbase --include=postgresql,gosu "$VERSION_CODENAME" "$1" "$mirror" \
        >"$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log" >&2; fail "debootstrap failed"; }
    entrypoint >"$1/usr/local/bin/entrypoint.sh"
    chmod +x "$1/usr/local/bin/entrypoint.sh"
}

# What the official image does, as far as our tests see it.
entrypoint() {
    cat <<'ENTRYPOINT'
#!/bin/sh
set -eu
if [ "$(id -u)" -eq 0 ]; then
    mkdir -p "$PGDATA"
    chown postgres "$PGDATA"
    exec gosu postgres "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    umask 077
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    initdb --username=postgres --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    # The official image sets databases up through a temporary server, whose log goes to the standard
    # output: whoever waits for "ready" must wait for the second one.
    pg_ctl --wait --options="-c listen_addresses=''" start
    pg_ctl --wait --mode=fast stop
fi
exec "$@" -c "listen_addresses=*"
ENTRYPOINT
}

import_image() {
    bin=$(cd "$work/root" && echo usr/lib/postgresql/*/bin)
    tag=$(basename "$(dirname "$bin")")
    tar --directory "$work/root" --create . | docker import \
        --change "ENV PATH=/$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        --change 'ENV PGDATA=/var/lib/postgresql/container' \
        --change 'ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]' \
        --change 'CMD ["postgres"]' \
        --change 'EXPOSE 5432' \
        - "postgres:$tag"
}

start_docker() {
    # overlay2 cannot lie on every file system; vfs can, slowly.
    for storage in overlay2 vfs; do
        dockerd --host "$DOCKER_HOST" --data-root "$work/data" --exec-root "$work/exec" \
            --pidfile "$work/dockerd.pid" --storage-driver "$storage" >"$work/dockerd.log" 2>&1 &
        dockerd=$!
        left=30
        while [ "$left" -gt 0 ] && kill -0 "$dockerd" 2>/dev/null; do
            docker info >/dev/null 2>&1 && return
            sleep 1
            left=$((left - 1))
        done
        kill "$dockerd" 2>/dev/null || true
        wait "$dockerd" || true
    done
    tail "$work/dockerd.log" >&2
    fail "the Docker daemon does not start"
}

fail() {
    echo "$0: $1" >&2
    exit 1
}

if [ "${1-}" = --inside ]; then
    shift
    inside "$@"
else
    main "$@"
fi
