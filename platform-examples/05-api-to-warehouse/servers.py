"""The CRM and PostgreSQL on loopback, until standard input ends. Ports and secrets are taken from the environment."""

import os
import sys
from threading import Thread

import psycopg
from postgres import postgres
from psycopg import sql
from serve import Crm


def make_warehouse(port: int, admin: str, password: str) -> None:
    """Make a user who owns the schema `crm`, and may do nothing else."""
    with psycopg.connect(host="127.0.0.1", port=port, user="admin", password=admin, dbname="postgres") as connection:
        connection.execute(sql.SQL("create role loader login password {}").format(sql.Literal(password)))
        connection.execute("create schema crm authorization loader")


if __name__ == "__main__":
    port, admin = int(os.environ["WAREHOUSE_PORT"]), os.environ["WAREHOUSE_ADMIN_PASSWORD"]
    crm = Crm(int(os.environ["CRM_PORT"]))
    Thread(target=crm.serve_forever, daemon=True).start()
    with postgres(port, admin):
        make_warehouse(port, admin, os.environ["WAREHOUSE_PASSWORD"])
        print("ready", flush=True)
        sys.stdin.read()
