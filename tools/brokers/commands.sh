# up, env, status and down over all servers. Sourced by bin/brokers.

check_names() {
  local name
  for name in "$@"; do
    case $name in nats | kafka | postgres) ;; *) fail "unknown server $name (nats, kafka or postgres)" ;; esac
  done
}

# The servers start side by side, installation included; each prints one line when it is ready.
brokers_up() {
  local names=("$@") name job jobs=() failed=0
  [ ${#names[@]} -gt 0 ] || names=("${all_servers[@]}")
  check_names "${names[@]}"
  with_lock
  for name in "${names[@]}"; do
    bring_up "$name" &
    jobs+=($!)
  done
  trap 'kill "${jobs[@]}" 2>/dev/null; exit 130' INT TERM
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  return $failed
}

bring_up() {
  local name=$1 started=$SECONDS title
  title=$("${name}_title")
  mkdir -p "$home/$name"
  if is_running "$name"; then
    if [ "$(port_of "$name")" != "$("${name}_port")" ]; then
      fail "$title already runs on port $(port_of "$name"), not $("${name}_port"): stop it first with bin/brokers down $name"
      return 1
    fi
    wait_until 60 "${name}_ready" || { fail "$title runs but does not answer, see $home/$name/log"; return 1; }
    say "$title is already running on 127.0.0.1:$(port_of "$name")"
    return
  fi
  "${name}_install" || return 1
  if port_is_open "$("${name}_port")"; then
    fail "port $("${name}_port") for $title is taken by another program"
    return 1
  fi
  "${name}_port" >"$home/$name/port"
  "${name}_start" || { fail "$title did not start, see $home/$name/log"; return 1; }
  if ! wait_until 60 ready_or_dead "$name" || ! is_running "$name"; then
    fail "$title did not become ready; the end of $home/$name/log:"
    tail -n 15 "$home/$name/log" >&2
    return 1
  fi
  say "$title is ready on 127.0.0.1:$(port_of "$name") ($((SECONDS - started)) s)"
}

ready_or_dead() { "$1_ready" || ! is_running "$1"; }

brokers_env() {
  say "export NATS_URL=nats://127.0.0.1:$(port_of nats)"
  say "export KAFKA_BROKERS=127.0.0.1:$(port_of kafka)"
  say "export DATABASE_URL=postgres://$postgres_user:$postgres_user@127.0.0.1:$(port_of postgres)/$postgres_user"
}

brokers_status() {
  local name failed=0
  for name in "${all_servers[@]}"; do
    if ! is_running "$name"; then
      say "$("${name}_title"): stopped"
      failed=1
    elif "${name}_ready"; then
      say "$("${name}_title"): ready on 127.0.0.1:$(port_of "$name"), pid $(pid_of "$name")"
    else
      say "$("${name}_title"): running but not ready, pid $(pid_of "$name"), see $home/$name/log"
      failed=1
    fi
  done
  return $failed
}

brokers_down() {
  local purge=false names=() argument name
  for argument in "$@"; do
    if [ "$argument" = --purge ]; then purge=true; else names+=("$argument"); fi
  done
  [ ${#names[@]} -gt 0 ] || names=("${all_servers[@]}")
  check_names "${names[@]}"
  with_lock
  for name in "${names[@]}"; do stop_server "$name" & done
  wait
  for name in "${names[@]}"; do
    if is_running "$name"; then
      fail "$("${name}_title") does not stop, pid $(pid_of "$name")"
      return 1
    fi
    if $purge; then rm -rf "${home:?}/$name"; fi
  done
  if $purge; then say "data of ${names[*]} in $home deleted"; fi
}

stop_server() {
  local name=$1 pid
  pid=$(pid_of "$name")
  if ! is_running "$name"; then
    rm -f "$home/$name/pid"
    return
  fi
  kill -s "$("${name}_stop_signal")" "$pid"
  if ! wait_until 20 is_stopped "$name"; then
    say "$("${name}_title") ignored the request to stop and is killed"
    kill -KILL "$pid"
    wait_until 10 is_stopped "$name" || return 1
  fi
  rm -f "$home/$name/pid"
  say "$("${name}_title") stopped"
}

is_stopped() { ! is_running "$1"; }
