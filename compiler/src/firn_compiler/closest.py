"""Which known word somebody meant who wrote another one."""

import re
from collections.abc import Collection

_OURS: dict[str, str] = {
    "append": "insert",
    "archive_create": "zip tar compress",
    "archive_extract": "unzip untar extract_archive",
    "base_url": "url uri endpoint host",
    "check": "test tests assert expect validate quality",
    "config": "settings properties",
    "data": "append insert",
    "database": "db catalog dbname",
    "depends_on": "needs after requires upstream upstream_tasks deps run_after",
    "download": "get fetch pull",
    "driver": "adapter engine",
    "enterprise": "strict locked",
    "fail": "error stop abort raise",
    "from": "source input dataset source_table data",
    "host": "hostname server address",
    "http": "request api rest webhook",
    "httpx": "http https rest api rest_api",
    "iam_role": "iam role aws assume_role",
    "id": "name key task_id step job task",
    "inputs": "with args arguments params parameters config settings input",
    "jobs": "tasks stages pipeline pipelines dag",
    "keys": "key primary_key unique_key merge_keys",
    "local": "file files filesystem fs folder disk",
    "max_attempts": "retries attempts max_retries count tries limit",
    "backoff": "delay wait retry_delay interval",
    "mode": "write_mode write_disposition disposition if_exists strategy materialized",
    "mysql": "mariadb",
    "oauth2": "oauth client_credentials",
    "options": "extra extras settings",
    "outputs": "output exports results returns",
    "password": "pass passwd pwd",
    "path": "file filename filepath file_path key uri url location",
    "polaris": "iceberg rest iceberg_rest",
    "postgres": "postgresql pg psql redshift",
    "profile": "connection conn_id connector type name use",
    "read": "extract db_extract source input load_from select copy_from",
    "replace": "overwrite truncate full_refresh full table create",
    "resource": "destination connection conn_id connector source profile connection_id conn target database",
    "resources": "connections sources connectors",
    "retry": "retries",
    "root": "folder dir directory basedir base_dir path",
    "run_process": "bash shell exec command script run python process container",
    "s3": "aws_s3 minio aws r2",
    "send_mail": "email mail smtp notify",
    "service_account": "gcp workload_identity azure",
    "sftp": "ssh ftp ftps scp",
    "smb": "cifs samba",
    "sql": "query statement select code script transform model transformation",
    "sql_file": "file sql_path query_file script_file",
    "sqlite3": "sqlite",
    "static": "basic keys",
    "steps": "tasks actions transforms stages",
    "table": "target relation model to collection name dataset",
    "upload": "put push",
    "upsert": "merge",
    "type": "uses action operator kind op run",
    "uri": "url endpoint",
    "user": "username login",
    "variables": "vars parameters params env environment defaults",
    "warn": "warning",
    "when": "if condition only_if run_if",
    "write": "load db_load loader sink output save copy_to export_to publish",
}
"""Our word: what other tools, and people, call the same thing."""


def closest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that was meant, or None.

    In this order: the same letters in another spelling (`dependsOn`), another tool's word for it (`needs`), a part of
    it (`sql_query`), and at last the one that looks most alike.
    """
    plain = {_plain(name): name for name in sorted(known)}
    letters = _plain(word)
    if letters in plain:
        return plain[letters]
    parts = _parts(word)
    foreign = [ours for ours, theirs in _OURS.items() if ours in known and "_".join(parts) in theirs.split()]
    within = sorted((name for name in known if len(name) > 2 and set(_parts(name)) < set(parts)), key=_by_length)
    alike = misspelt(word, known)
    return alike or next(iter(foreign + within), None) or _most_alike(letters, plain, 0.6)


def misspelt(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is surely meant: a letter is missing, too many, or two have changed places."""
    plain = {_plain(name): name for name in sorted(known)}
    letters = _plain(word)
    if letters in plain:
        return plain[letters]
    swapped = [name for form, name in plain.items() if sorted(form) == sorted(letters)]
    return next(iter(swapped), None) or _most_alike(letters, plain, 0.85)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower()) or word


def _parts(word: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower())


def _by_length(name: str) -> tuple[int, str]:
    return -len(name), name


def _most_alike(letters: str, plain: dict[str, str], cutoff: float) -> str | None:
    from difflib import get_close_matches  # only a mistake needs it

    return next((plain[match] for match in get_close_matches(letters, plain, n=1, cutoff=cutoff)), None)
