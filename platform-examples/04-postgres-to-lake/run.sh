#!/usr/bin/env bash
# Starts PostgreSQL and S3 on loopback with secrets made for this run, runs the flow twice, and stops both.
# ./run.sh COMMAND … runs that command too, before they are stopped.
set -euo pipefail
cd "$(dirname "$0")"
secret() { python3 -c 'import secrets; print(secrets.token_urlsafe(24))'; }
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
export SHOP_DB_PORT=${SHOP_DB_PORT:-$(free_port)} LAKE_PORT=${LAKE_PORT:-$(free_port)}
export SHOP_ADMIN_PASSWORD=${SHOP_ADMIN_PASSWORD:-$(secret)} SHOP_DB_PASSWORD=${SHOP_DB_PASSWORD:-$(secret)}
export LAKE_KEYS_ID=${LAKE_KEYS_ID:-example} LAKE_KEYS_SECRET=${LAKE_KEYS_SECRET:-$(secret)}

rm -rf out && mkdir out
coproc SERVERS { exec python3 servers.py; }
trap '[ -z "${SERVERS_PID:-}" ] || exec {SERVERS[1]}>&-; wait' EXIT   # the servers end with their standard input
read -r _ <&"${SERVERS[0]}"

firn compile flow.yaml --env local -o platform/local/compiled_artifacts.json
python3 shop.py open
firn run platform/local/compiled_artifacts.json --run-id run-1
python3 show.py run-1
python3 shop.py trade
firn run platform/local/compiled_artifacts.json --run-id run-2
python3 show.py run-2
"$@"
