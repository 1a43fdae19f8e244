# What the three servers share: folders, processes, waiting. Sourced by bin/brokers.
#
# Every server NAME has a folder $home/NAME with `data/`, `log` (of the present run), `pid` and `port`, and the functions
#   NAME_title         name and version for people
#   NAME_port          the port it is asked to listen on
#   NAME_install       fetches the program unless it is there; prints nothing but a sentence on failure
#   NAME_start         starts the process in the background and leaves its pid in the pid file
#   NAME_ready         succeeds as soon as the server answers
#   NAME_stop_signal   what makes it shut down cleanly and soon

home=${MILLRACE_BROKERS_DIR:-$root/.brokers}
case $home in /*) ;; *) home=$PWD/$home ;; esac
all_servers=(nats kafka postgres)

say() { printf '%s\n' "$*"; }
fail() {
  printf 'brokers: %s\n' "$*" >&2
  return 1
}

# Succeeds when the recorded process runs and is ours: a pid alone may meanwhile belong to somebody else, so the
# command line must name this server's folder.
is_running() {
  local pid
  pid=$(pid_of "$1")
  [ -n "$pid" ] && [[ $(command_line "$pid") == *"$home/$1/"* ]]
}

pid_of() { cat "$home/$1/pid" 2>/dev/null || true; }

command_line() {
  if [ -d /proc/self ]; then
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
  else
    ps -p "$1" -o command= 2>/dev/null || true
  fi
}

# The port a running server listens on, else the one it would get.
port_of() {
  if is_running "$1" && [ -f "$home/$1/port" ]; then cat "$home/$1/port"; else "$1_port"; fi
}

# Starts a server of which Ctrl-C in this terminal, or its end, is none of the business.
spawn() {
  local name=$1
  shift
  if command -v setsid >/dev/null; then
    setsid "$@" </dev/null >"$home/$name/log" 2>&1 &
  else
    nohup "$@" </dev/null >"$home/$name/log" 2>&1 &
  fi
  echo $! >"$home/$name/pid"
}

port_is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# http_get PORT PATH: prints the answer, status line included. Bash alone, as a machine may lack curl.
http_get() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
    while IFS= read -r -t 2 line <&3 || [ -n "$line" ]; do printf '%s\n' "$line"; done
  ) 2>/dev/null
}

# wait_until SECONDS COMMAND…
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}

# One `up` or `down` at a time per folder. A lock whose owner is gone is nobody's.
with_lock() {
  local lock=$home/lock owner attempts=0
  mkdir -p "$home"
  until mkdir "$lock" 2>/dev/null; do
    attempts=$((attempts + 1))
    [ $attempts != 10 ] || printf 'brokers: waiting for another bin/brokers to finish\n' >&2
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    # Its owner writes its pid at once: a lock that stays without one was left by a crash in between.
    if { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; } || { [ -z "$owner" ] && [ $attempts -gt 50 ]; }; then
      rm -rf "$lock"
    fi
    sleep 0.1
  done
  echo $$ >"$lock/pid"
  trap 'rm -rf "$home/lock"' EXIT
}
