# NATS JetStream, built from source by the Go toolchain. Sourced by bin/brokers.

nats_version=2.15.2
nats_program=$home/programs/nats-server-$nats_version

nats_title() { say "NATS $nats_version"; }
nats_port() { say "${MILLRACE_NATS_PORT:-14222}"; }
nats_monitoring_port() { say "${MILLRACE_NATS_MONITORING_PORT:-18222}"; }
nats_stop_signal() { say TERM; }

nats_install() {
  [ -x "$nats_program" ] && return
  command -v go >/dev/null ||
    fail "Go is missing: install Go 1.25 or newer, it builds nats-server $nats_version" || return 1
  local staging=$home/programs/nats-build
  mkdir -p "$staging"
  GOBIN=$staging go install "github.com/nats-io/nats-server/v2@v$nats_version" >"$home/nats/install.log" 2>&1 ||
    fail "nats-server $nats_version could not be built, see $home/nats/install.log" || return 1
  mv "$staging/nats-server" "$nats_program"
  rm -rf "$staging"
}

nats_start() {
  nats_monitoring_port >"$home/nats/monitoring-port"
  # sync_interval always: a publish is acknowledged after fsync. The server's own default syncs every two minutes and
  # loses acknowledged messages on power loss. max_payload: a page is at most 5 MB and travels inline.
  cat >"$home/nats/server.conf" <<CONF
server_name: millrace-local
listen: "127.0.0.1:$(nats_port)"
http: "127.0.0.1:$(nats_monitoring_port)"
max_payload: 8MB
jetstream {
  store_dir: "$home/nats/data"
  max_mem: 1GB
  max_file: 64GB
  sync_interval: always
}
CONF
  spawn nats "$nats_program" --config "$home/nats/server.conf"
}

# Healthy means that JetStream has recovered its streams, not only that the port is open.
nats_ready() {
  local port
  port=$(cat "$home/nats/monitoring-port" 2>/dev/null || nats_monitoring_port)
  [[ $(http_get "$port" '/healthz') == *'"status":"ok"'* ]]
}
