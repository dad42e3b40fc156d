# Shared by everything in scripts/: packages, builds, a private PostgreSQL. Sourced, never run.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_BIN=/usr/lib/postgresql/15/bin

# What each purpose needs on a bare Debian 12.
PACKAGES_BUILD=(gcc g++ meson ninja-build pkg-config libcurl4-openssl-dev libfyaml-dev libjansson-dev
    libpg-query-dev libpq-dev libprotobuf-c-dev libre2-dev libseccomp-dev libsqlite3-dev libssl-dev libuv1-dev
    node-llhttp postgresql-server-dev-15 tzdata)
PACKAGES_DEMO=(openssl postgresql-15)
PACKAGES_TEST=(clang-14 golang-go golang-golang-x-mod-dev libclang-rt-14-dev openssh-client openssl postgresql-15
    procps python3-jsonschema python3-psycopg strace)
PACKAGES_BENCH=(haproxy openssl pgbouncer postgresql-15 procps python3 strace)

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "needs root (or sudo) for: $*"
    fi
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Installs those of the packages that are missing; touches apt only then.
need_packages() {
    local missing=() p
    for p in "$@"; do
        installed "$p" || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing: ${missing[*]}"
    # Nobody asked for a system-wide database server: without this file Debian starts one.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        as_root mkdir -p /etc/postgresql-common
        printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    local log
    log=$(mktemp)
    {
        as_root apt-get update -qq &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
                -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "${missing[@]}"
    } >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; rm -f "$log"; die "apt-get failed"; }
    rm -f "$log"
}

# Node.js and npm may come from another source than Debian: what counts is that they run.
need_node() {
    command -v node >/dev/null || need_packages nodejs
    command -v npm >/dev/null || need_packages npm
}

# The packages of tests/e2e/package-lock.json, exactly those.
need_node_modules() {
    local dir=$ROOT/tests/e2e
    cmp -s "$dir/package-lock.json" "$dir/node_modules/.lock" && return 0
    (cd "$dir" && npm ci --no-audit --no-fund --loglevel=error >&2)
    cp "$dir/package-lock.json" "$dir/node_modules/.lock"
}

# build_in DIR [meson options]: configures once, then builds. CC/CXX choose the compiler.
build_in() {
    local dir=$1
    shift
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ]; then
        meson setup "$dir" "$ROOT" "$@" >"$dir/setup.log" 2>&1 || { cat "$dir/setup.log" >&2; return 1; }
    fi
    ninja -C "$dir" >"$dir/ninja.log" 2>&1 || { cat "$dir/ninja.log" >&2; return 1; }
}

# The program itself, with its build tools installed where missing.
build_product() {
    need_packages "${PACKAGES_BUILD[@]}"
    build_in "$ROOT/build"
}

PG_SOURCE=$ROOT/build/pg-source
# PostgreSQL's own suites, in $PG_SOURCE/src/test: from the newest source package that is still to be had (the index may
# name one that is gone).
need_pg_source() {
    [ ! -e "$PG_SOURCE/whole" ] || return 0
    rm -rf "$PG_SOURCE"
    mkdir -p "$PG_SOURCE/lists/partial"
    printf 'Types: deb-src\nURIs: %s\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: %s\n' \
        http://deb.debian.org/debian /usr/share/keyrings/debian-archive-keyring.gpg >"$PG_SOURCE/src.sources"
    local apt=(apt-get -q -o "Dir::Etc::sourcelist=$PG_SOURCE/src.sources" -o Dir::Etc::sourceparts=/dev/null
        -o "Dir::State::lists=$PG_SOURCE/lists" -o APT::Sandbox::User=root)
    (cd "$PG_SOURCE" && "${apt[@]}" update && "${apt[@]}" source --download-only postgresql-15 &&
        tar xf postgresql-15_*.orig.tar.* --strip-components=1 --wildcards \
            '*/src/test/regress/*' '*/src/test/isolation/*') >"$PG_SOURCE/log" 2>&1 || {
        cat "$PG_SOURCE/log" >&2
        die "no source package of postgresql-15"
    }
    touch "$PG_SOURCE/whole"
}

# A directory that ends with the script, readable for the database's user.
new_temp_dir() {
    local dir
    dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign.XXXXXX")
    chmod 755 "$dir"
    printf '%s\n' "$dir"
}

# A TCP port nobody listens on, at or above $1.
free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    printf '%s\n' "$port"
}

# Runs a command as the database's user: `postgres` when we are root (PostgreSQL refuses root). From
# a directory that this user can enter.
as_pg() {
    if [ "$(id -u)" = 0 ]; then env --chdir=/ setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else "$@"
    fi
}

# A self-signed CA and a certificate for localhost and 127.0.0.1: DIR/ca.crt, server.crt, server.key.
make_certificates() {
    local dir=$1
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Countersign test CA' \
        -keyout "$dir/ca.key" -out "$dir/ca.crt" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' \
        -keyout "$dir/server.key" -out "$dir/server.csr" 2>/dev/null
    openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial \
        -days 30 -out "$dir/server.crt" \
        -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n') 2>/dev/null
    chmod 600 "$dir/server.key"
}

# pg_start DIR [postgresql.conf lines]: a private PostgreSQL 15 in DIR, on 127.0.0.1:$(cat DIR/port)
# and a socket in DIR, with TLS, a csvlog of every statement that ran (DIR/log/*.csv), and roles
#   postgres (superuser), ana, bo, app: trust;  scram_user, md5_user, password_user: password "secret".
# The server writes nothing to disk that it need not: it is thrown away.
pg_start() {
    local dir=$1 port
    shift
    mkdir -p "$dir"
    port=$(free_port $((20000 + RANDOM % 20000)))
    make_certificates "$dir"
    [ "$(id -u)" != 0 ] || chown -R postgres "$dir"
    as_pg "$PG_BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; return 1; }
    as_pg tee "$dir/data/pg_hba.conf" >/dev/null <<-HBA
	local all scram_user scram-sha-256
	local all md5_user md5
	local all password_user password
	local all all trust
	hostssl all tls_user all trust
	host all tls_user all reject
	host all scram_user all scram-sha-256
	host all md5_user all md5
	host all password_user all password
	host all all all trust
	local replication all trust
	host replication all all trust
	HBA
    {
        printf "listen_addresses = '127.0.0.1'\nport = %s\nunix_socket_directories = '%s'\n" "$port" "$dir"
        printf "ssl = on\nssl_cert_file = '%s'\nssl_key_file = '%s'\n" "$dir/server.crt" "$dir/server.key"
        printf "max_connections = 200\nshared_buffers = 32MB\nfsync = off\nautovacuum = off\n"
        printf "max_prepared_transactions = 10\nwal_level = logical\ntimezone = 'UTC'\n"
        printf '%s\n' "$@"
    } | as_pg tee -a "$dir/data/postgresql.conf" >/dev/null
    as_pg "$PG_BIN/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -s start ||
        { cat "$dir/server.log" >&2; return 1; }
    printf '%s\n' "$port" >"$dir/port"
    "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir" -p "$port" -U postgres -d postgres <<-'SQL'
	CREATE ROLE ana LOGIN; CREATE ROLE bo LOGIN; CREATE ROLE app LOGIN; CREATE ROLE tls_user LOGIN;
	CREATE ROLE scram_user LOGIN PASSWORD 'secret'; CREATE ROLE password_user LOGIN PASSWORD 'secret';
	SET password_encryption = 'md5'; CREATE ROLE md5_user LOGIN PASSWORD 'secret';
	SQL
}

# Settings that make the server's own csvlog the truth about what ran.
PG_LOG_EVERYTHING=("logging_collector = on" "log_destination = 'csvlog'" "log_directory = '../log'"
    "log_filename = 'server.log'" "log_statement = 'all'" "log_connections = on"
    "log_disconnections = on" "log_rotation_age = 0" "log_file_mode = 0644")

pg_stop() {
    [ ! -d "$1/data" ] || as_pg "$PG_BIN/pg_ctl" -D "$1/data" -m immediate -s stop >/dev/null 2>&1 || true
}

# The shop of the demonstration, in database `shop` of the server in DIR, all owned by role app.
pg_sample_data() {
    local dir=$1
    local psql=("$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$dir" -p "$(cat "$dir/port")" -U postgres)
    "${psql[@]}" -d postgres -c 'CREATE DATABASE shop OWNER app'
    "${psql[@]}" -d shop -f "$ROOT/scripts/shop.sql"
}
