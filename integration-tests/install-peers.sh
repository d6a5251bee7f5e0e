#!/usr/bin/env bash
# Installs what the tests run beside us, where it is not there yet: Debian packages, without
# starting a service of them. With `node`: only what the dashboard is built with.
set -euo pipefail

# program:package
needed=(netdata:netdata-core victoria-metrics:victoria-metrics carbon-cache:graphite-carbon influxd:influxdb prometheus:prometheus rsyslogd:rsyslog chromium:chromium ip:iproute2 setpriv:util-linux setsid:util-linux timeout:coreutils curl:curl openssl:openssl)
# Packages without a program of their own.
needed_packages=(netdata-web netdata-plugins-bash netdata-plugins-python python3-aiosmtpd python3-venv ca-certificates)
if [[ ${1:-} == node ]]; then
    needed=(node:nodejs npm:npm)
    needed_packages=()
fi

missing=()
PATH=$PATH:/usr/sbin:/sbin
for entry in "${needed[@]}"; do
    command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
done
for package in "${needed_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
done

# What Debian does not have, in a place of its own.
python=$(dirname "$0")/../target/python
install_python() {
    [[ ${1:-} == node || -e $python/done ]] && return
    echo "installing: openapi-spec-validator (PyPI)"
    /usr/bin/python3 -m venv "$python"
    "$python/bin/pip" --quiet --disable-pip-version-check install openapi-spec-validator==0.7.2
    touch "$python/done"
}

if ((!${#missing[@]})); then
    install_python "$@"
    exit
fi

if ! command -v apt-get >/dev/null; then
    echo "needed: ${missing[*]} (names of Debian packages), and there is no apt-get here" >&2
    exit 1
fi
as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "install these first: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi

echo "installing: ${missing[*]}"
# Offline, systemd starts nothing that a package brings; the tests start their own instances.
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get -qq -o Dpkg::Use-Pty=0)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
if [[ " ${missing[*]} " == *" netdata-core "* ]] && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl disable netdata >/dev/null 2>&1 || true
fi
if [[ " ${missing[*]} " == *" rsyslog "* ]] && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl disable rsyslog >/dev/null 2>&1 || true
fi
if [[ " ${missing[*]} " == *" prometheus "* ]] && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl disable prometheus prometheus-node-exporter >/dev/null 2>&1 || true
fi
install_python "$@"
