#!/usr/bin/env bash
# Starts the API on loopback with a token made for this run, compiles, runs, and stops the API.
set -euo pipefail
cd "$(dirname "$0")"
export ORDERS_API ORDERS_PORT
ORDERS_API=$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')
ORDERS_PORT=${ORDERS_PORT:-8765}
python3 make_customers.py
python3 serve.py "$ORDERS_PORT" &
trap 'kill %1' EXIT
for _ in $(seq 50); do python3 -c "import socket, sys; socket.create_connection(('127.0.0.1', $ORDERS_PORT), 1)" 2>/dev/null && break; sleep 0.1; done
firn compile flow.yaml --env local -o platform/local/compiled_artifacts.json
firn run platform/local/compiled_artifacts.json
cat out/cohorts.csv
