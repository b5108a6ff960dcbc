#!/usr/bin/env bash
# Starts the CRM and PostgreSQL on loopback with secrets made for this run, runs the flow twice, and stops both.
# ./run.sh COMMAND … runs that command too, before they are stopped.
set -euo pipefail
cd "$(dirname "$0")"
secret() { python3 -c 'import secrets; print(secrets.token_urlsafe(24))'; }
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
export CRM_PORT=${CRM_PORT:-$(free_port)} WAREHOUSE_PORT=${WAREHOUSE_PORT:-$(free_port)}
export CRM_CLIENT=${CRM_CLIENT:-$(secret)} WAREHOUSE_PASSWORD=${WAREHOUSE_PASSWORD:-$(secret)}
export WAREHOUSE_ADMIN_PASSWORD=${WAREHOUSE_ADMIN_PASSWORD:-$(secret)}

rm -rf out && mkdir out
coproc SERVERS { exec python3 servers.py; }
trap '[ -z "${SERVERS_PID:-}" ] || exec {SERVERS[1]}>&-; wait' EXIT   # the servers end with their standard input
read -r _ <&"${SERVERS[0]}"

firn compile flow.yaml --env local -o platform/local/compiled_artifacts.json
firn run platform/local/compiled_artifacts.json --run-id run-1
python3 show.py run-1
python3 serve.py a-day-passes
firn run platform/local/compiled_artifacts.json --run-id run-2
python3 show.py run-2
"$@"
