#!/usr/bin/env bash
# Starts the partner's SFTP server and a mail server on loopback with keys made for this run, runs the flow three times,
# and stops both. ./run.sh COMMAND … runs that command too, before they are stopped.
set -euo pipefail
cd "$(dirname "$0")"
secret() { python3 -c 'import secrets; print(secrets.token_urlsafe(24))'; }
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
key() { python3 -c 'import asyncssh; print(asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode())'; }
export PARTNER_PORT=${PARTNER_PORT:-$(free_port)} POST_PORT=${POST_PORT:-$(free_port)}
export PARTNER_SFTP=${PARTNER_SFTP:-$(key)} POST_PASSWORD=${POST_PASSWORD:-$(secret)}

rm -rf out && mkdir -p out/partner/{inbox,outbox}
coproc SERVERS { exec python3 servers.py; }
trap '[ -z "${SERVERS_PID:-}" ] || exec {SERVERS[1]}>&-; wait' EXIT   # the servers end with their standard input
read -r _ <&"${SERVERS[0]}"

firn compile flow.yaml --env local -o platform/local/compiled_artifacts.json
python3 partner.py 2026-03-01 2026-03-02
firn run platform/local/compiled_artifacts.json --run-id run-1
python3 show.py run-1
python3 partner.py 2026-03-03
firn run platform/local/compiled_artifacts.json --run-id run-2
python3 show.py run-2
firn run platform/local/compiled_artifacts.json --run-id run-3
python3 show.py run-3
"$@"
