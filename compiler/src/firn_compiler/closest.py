"""Which known word somebody meant who wrote another one."""

import re
from collections.abc import Collection
from functools import lru_cache

_OURS: dict[str, str] = {
    "add_columns": "add append_new_columns evolve evolution merge sync_all_columns",
    "append": "insert",
    "archive_create": "zip tar compress",
    "archive_extract": "unzip untar extract_archive",
    "connection": "conn network",
    "base_url": "url uri endpoint host",
    "check": "test tests assert expect validate quality",
    "command": "argv args cmd run shell script",
    "column": "col field column_name",
    "columns": "fields cols select_columns",
    "config": "settings properties",
    "cursor": "column field cursor_field cursor_path next next_cursor watermark_column incremental_key",
    "cwd": "working_directory working_dir workdir dir directory",
    "data": "append insert",
    "database": "db catalog dbname",
    "depends_on": "needs after requires upstream upstream_tasks deps run_after wait_for dependencies",
    "delimiter": "sep separator field_delimiter delim",
    "download": "get fetch pull",
    "db": "database sql rdbms",
    "dest_dir": "dest destination to target_dir dest_path",
    "dest_path": "dest destination to target dest_dir target_dir",
    "driver": "adapter engine",
    "enterprise": "strict locked",
    "environment": "env",
    "expectations": "expect rules checks tests assertions",
    "fail": "error stop abort raise",
    "files": "file path paths",
    "from": "source input dataset source_table data",
    "from_addr": "from sender from_email",
    "host": "hostname server address",
    "http": "request api rest webhook",
    "httpx": "http https rest api rest_api",
    "iceberg_rest": "iceberg polaris lakekeeper nessie rest",
    "iam_role": "iam role aws assume_role",
    "id": "name key task_id step job task",
    "inputs": "with args arguments params parameters config settings input",
    "jobs": "tasks stages pipeline pipelines dag",
    "keys": "key primary_key unique_key merge_keys",
    "latin-1": "iso_8859_1 iso8859_1",
    "local": "file files filesystem fs folder disk csv parquet json",
    "env": "environment",
    "lineage_endpoint": "lineage_url",
    "max": "maximum at_most le",
    "max_attempts": "retries attempts max_retries count tries limit",
    "backoff": "delay wait retry_delay interval",
    "method": "verb",
    "min": "minimum at_least ge",
    "mode": "write_mode write_disposition disposition if_exists strategy materialized",
    "mysql": "mariadb",
    "name": "id title",
    "none": "false off no",
    "oauth2": "oauth client_credentials",
    "options": "extra extras settings",
    "outputs": "output exports results returns",
    "param": "parameter",
    "partition_by": "partitions partition_cols partition_columns",
    "password": "pass passwd pwd",
    "path": "file filename filepath file_path key uri url location folder dir directory endpoint route",
    "pattern": "glob mask wildcard file_pattern",
    "postgres": "postgresql pg psql redshift",
    "private_key": "key_file keyfile private_key_file private_key_path ssh_key identity_file",
    "process": "shell bash command cmd exec script subprocess program",
    "profile": "connection conn_id connector type name use",
    "read": "extract db_extract source input load_from select copy_from",
    "replace": "overwrite truncate full_refresh full table create",
    "resource": "destination connection conn_id connector source profile connection_id conn target database",
    "resources": "connections sources connectors",
    "retry": "retries",
    "root": "folder dir directory basedir base_dir base_path path",
    "row_count": "min_rows max_rows count rows",
    "run_process": "bash shell exec command script run python process container",
    "s3": "aws_s3 minio aws r2",
    "secret_ref": "secret env secret_key_ref value_from name",
    "send_mail": "email mail smtp notify",
    "server": "host hostname",
    "severity": "level",
    "service_account": "gcp workload_identity azure",
    "sslmode": "ssl tls",
    "ssl_mode": "ssl tls",
    "sftp": "ssh ftp ftps scp",
    "smb": "cifs samba",
    "sql": "query statement select code script transform model transformation",
    "sql_file": "file sql_path query_file script_file",
    "sqlite3": "sqlite",
    "static": "basic keys",
    "steps": "tasks actions transforms stages activities",
    "subject": "title",
    "table": "target relation model to collection name dataset stream",
    "tarfile": "tar tgz gzip",
    "text": "body message content",
    "tls": "starttls ssl use_tls",
    "to": "recipients recipient receivers",
    "upload": "put push move move_files copy_files archive_files",
    "utf-8": "utf_8_sig utf8_sig",
    "upsert": "merge",
    "type": "uses action operator kind op run",
    "uri": "url endpoint",
    "user": "username login",
    "variables": "vars parameters params env defaults inputs",
    "warn": "warning",
    "when": "if condition only_if run_if",
    "write": "load db_load loader sink output save copy_to export_to publish",
    "zipfile": "zip archive",
    "key": "name lock_name lock",
    "description": "name title label comment doc",
}
"""Our word: what other tools, and people, call the same thing; the last where nothing else is."""


MANY = 200
"""Of more names than this only those are compared that are one letter away."""


def closest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that was meant, or None.

    In this order: the same letters in another spelling (`dependsOn`), another tool's word for it (`needs`), one that
    surely is misspelt, a part of it (`sql_query`), and at last one that looks much alike.
    """
    return translated(word, known) or misspelt(word, known) or _nearest(word, known, 0.75)


def alike(word: str, known: Collection[str]) -> str | None:
    """Return the known word that was meant where the names are people's own: the one that looks most alike."""
    return misspelt(word, known) or _nearest(word, known, 0.6)


def translated(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is this one in another spelling, or what another tool calls by it."""
    foreign, (plain, _) = "_".join(_parts(word)), _index(tuple(sorted(known)))
    theirs = (one for one, words in _OURS.items() if foreign in words.split() and one in known)
    return plain.get(_plain(word)) or next(theirs, None)


def _nearest(word: str, known: Collection[str], cutoff: float) -> str | None:
    """Return the known word that is a part of one, that this is the only part of, or that looks most alike."""
    if len(known) > MANY:
        return None
    parts, (plain, _) = _parts(word), _index(tuple(sorted(known)))
    within = sorted((name for name in known if len(name) > 2 and set(_parts(name)) < set(parts)), key=_by_length)
    around = [name for name in known if set(parts) < set(_parts(name))]
    return next(iter(within), None) or (around[0] if len(around) == 1 else _most_alike(_plain(word), plain, cutoff))


def misspelt(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is surely meant: a letter is missing, too many, or two have changed places."""
    letters, (plain, shuffled) = _plain(word), _index(tuple(sorted(known)))
    if letters in plain:
        return plain[letters]
    return shuffled.get("".join(sorted(letters))) or _most_alike(letters, plain, 0.85)


@lru_cache(maxsize=32)
def _index(names: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Return names by their letters, and by those in alphabetical order; of several the first."""
    plain = {_plain(name): name for name in reversed(names)}
    return plain, {"".join(sorted(form)): name for form, name in plain.items()}


@lru_cache(maxsize=16_384)  # of many names, each is asked for again with one name more
def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower()) or word


def _parts(word: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower())


def _by_length(name: str) -> tuple[int, str]:
    return -len(name), name


def _most_alike(letters: str, plain: dict[str, str], cutoff: float) -> str | None:
    from difflib import get_close_matches  # only a mistake needs it

    near = list(plain)
    if len(plain) > MANY:
        shorter = _shorter(tuple(plain))
        near = list(dict.fromkeys(shorter[form] for form in (letters, *_less_one(letters)) if form in shorter))
    return next((plain[match] for match in get_close_matches(letters, near, n=1, cutoff=cutoff)), None)


@lru_cache(maxsize=8)
def _shorter(forms: tuple[str, ...]) -> dict[str, str]:
    """Return forms by themselves and by what is left without one of their letters: one mistake away is one look-up."""
    return {less: form for form in reversed(forms) for less in (form, *_less_one(form))}


@lru_cache(maxsize=16_384)  # as above
def _less_one(form: str) -> tuple[str, ...]:
    return tuple(form[:at] + form[at + 1 :] for at in range(min(len(form), 60)))
