#!/usr/bin/env bash
# The main job on one machine: two collectors stream through a proxy without a database to a
# master, all on loopback, in a temporary folder. Prints the address of the dashboard once both
# hosts are there. Ctrl-C stops everything and leaves nothing behind; so does any node that ends.
set -euo pipefail

# A shell that was started in the background ignores Ctrl-C, and so would its traps: start again
# with signals as they are in the foreground.
if [[ -z ${DEMO_SIGNALS:-} ]]; then
    DEMO_SIGNALS=default exec env --default-signal=INT,QUIT,HUP,TERM "$0" "$@"
fi
# Settings of somebody's environment are not for these nodes.
unset "${!TRIBUTARY_@}"

binaries=$(cd "${1:?usage: demo.sh FOLDER_OF_BINARIES}" && pwd)
first_port=19999
ports_tried=20
ready_seconds=30
parent=$PPID

folder=$(mktemp -d "${TMPDIR:-/tmp}/tributary-demo.XXXXXX")
declare -A pid_of=()

stop() {
    trap '' INT TERM HUP
    local deadline=$((SECONDS + 6))
    kill -TERM "${pid_of[@]}" 2>/dev/null || true
    while kill -0 "${pid_of[@]}" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.05; done
    kill -KILL "${pid_of[@]}" 2>/dev/null || true
    wait || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 0' INT TERM HUP

fail() {
    echo "demo: $1" >&2
    [[ -z ${2:-} ]] || tail -n 20 "$folder/$2.log" >&2
    exit 1
}

# start NAME BINARY OPTION...: the node dies with this script, whatever happens to the script.
start() {
    local name=$1 binary=$2
    shift 2
    mkdir -p "$folder/$name"
    (cd "$folder/$name" && exec setpriv --pdeathsig TERM -- "$binaries/tributary-$binary" \
        --set "global.hostname=$name" --set "global.lib_dir=$folder/$name/lib" "$@") >"$folder/$name.log" 2>&1 </dev/null &
    pid_of[$name]=$!
}

# address NAME: where a started node listens; empty if it ended or says nothing for 5 s.
address() {
    local deadline=$((SECONDS + 6)) line
    while ((SECONDS < deadline)); do
        line=$(grep -o -m1 'listening on [0-9.]*:[0-9]*' "$folder/$1.log" 2>/dev/null) && { echo "${line##* }"; return; }
        kill -0 "${pid_of[$1]}" 2>/dev/null || return 0
        sleep 0.05
    done
}

# get PORT PATH: an HTTP answer, without any program that a bare machine may lack.
get() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
        cat <&3
    ) 2>/dev/null
}

all_run() {
    local node
    for node in "${!pid_of[@]}"; do
        kill -0 "${pid_of[$node]}" 2>/dev/null || fail "$node ended:" "$node"
    done
}

# Whether the program that called this one would do something at Ctrl-C; one in the background does not.
parent_catches() {
    local caught
    caught=$(grep SigCgt "/proc/$parent/status") || return 1
    (((0x${caught##*[[:space:]]} & 2) != 0))
}

# Whether that program is gone, or is a make that was interrupted alone: then it waits for us without
# telling us, and shows it only by no longer catching the signal.
interrupted() {
    [[ -d /proc/$parent ]] || return 0
    [[ -n $make_catches ]] && ! parent_catches
}

make_catches=
if [[ $(<"/proc/$parent/comm") == make ]] && parent_catches; then make_catches=yes; fi
key=$(</proc/sys/kernel/random/uuid)

start_master() {
    for ((port = first_port; port < first_port + ports_tried; port++)); do
        start demo-master master --set "global.cache_dir=$folder/demo-master/cache" --set "web.bind_to=127.0.0.1:$port" \
            --set "api_keys.$key.enabled=true"
        [[ -z $(address demo-master) ]] || return 0
        grep -qi 'in use' "$folder/demo-master.log" || fail "the master did not start:" demo-master
        wait "${pid_of[demo-master]}" || true
        echo "port $port is busy, trying $((port + 1))"
    done
    fail "ports $first_port to $((port - 1)) are all busy"
}

start_master
start demo-proxy proxy --set global.memory_mode=none --set web.bind_to=127.0.0.1:0 \
    --set "api_keys.$key.enabled=true" --set stream.enabled=true \
    --set "stream.destination=127.0.0.1:$port" --set "stream.api_key=$key" --set stream.reconnect_delay=1s
proxy=$(address demo-proxy)
[[ -n $proxy ]] || fail "the proxy did not start:" demo-proxy
for name in demo-alpha demo-beta; do
    start "$name" collector --destination "$proxy" --api-key "$key" --set stream.reconnect_delay=1s
done

# Both hosts are there when the master has rows of both.
deadline=$((SECONDS + ready_seconds))
for name in demo-alpha demo-beta; do
    until get "$port" "/host/$name/api/v1/data?chart=system.cpu&after=-3" | grep -q '"data": *\[ *\['; do
        all_run
        ((SECONDS < deadline)) || fail "$name did not arrive at the master within $ready_seconds s:" demo-proxy
        sleep 0.1
    done
done

echo "two collectors, a proxy and a master run in $folder"
echo "dashboard: http://127.0.0.1:$port/"
echo "Ctrl-C stops everything"

until interrupted; do
    all_run
    sleep 0.2
done
