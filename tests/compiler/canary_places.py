"""Where a secret may be written by mistake: one row for each place, in which `«kind|spelling»` stands for the canary.

The kinds are those of `test_canary.py`: token, aws, password, url, pem, jwt, header. A spelling, or several after each
other, says how it is written there.
"""

from collections.abc import Mapping
from typing import NamedTuple

FLOW = """\
name: daily
version: "1.0.0"
description: Revenue of a day
owner: data-eng
variables: {days: 7, table: orders}
resources:
  shop:
    profile: shop_db
    options: {statement_timeout: 60}
  rates:
    type: rest
    config: {base_url: "https://rates.example.com", headers: {Accept: text/csv}, token: {secret_ref: rates-api}}
    options: {timeout_seconds: 10}
  drop:
    type: sftp
    config: {host: sftp.example.com, username: loader, private_key: {secret_ref: sftp-key}, known_hosts: known_hosts}
  mail: {type: smtp, config: {host: mail.example.com, from_addr: reports@example.com}}
  programs: {type: process, config: {allowed: [gzip]}}
jobs:
  - id: probe
    description: Is there anything to do?
    steps:
      - id: count
        type: query
        inputs: {resource: shop, sql: select count(*) as n from orders}
        outputs: {n: "{{ result.rows[0].n }}"}
      - id: list
        type: list_files
        inputs: {resource: drop, path: "in/{{ env.DAY:today }}", pattern: "*.zip"}
        outputs: {files: "{{ result.files }}"}
      - id: any
        type: check_items
        inputs: {items: "{{ steps.list.outputs.files }}"}
  - id: build
    depends_on: [probe]
    when: jobs.probe.outputs.n > 0
    timeout: 2h
    lock: {key: build, ttl_seconds: 5m}
    steps:
      - id: orders
        type: read
        inputs: {resource: shop, table: orders, columns: [id, amount]}
        retry: {max_attempts: 3, on: [connection, timeout]}
      - id: rows
        type: read
        inputs: {resource: rates, request: {path: /rates, params: {day: today}, headers: {Accept: text/json}}}
      - id: whole
        type: check
        inputs: {from: orders, expectations: [{not_null: id}]}
      - id: revenue
        type: sql
        inputs: {sql: "select id from orders where amount > $least", params: {least: "{{ env.LEAST:0 }}"}}
      - id: filed
        type: sql
        inputs: {sql_file: query.sql}
      - id: squeeze
        type: run_process
        inputs: {resource: programs, command: [gzip, out.csv], env: {LANG: C}}
      - id: tell
        type: http
        inputs:
          resource: rates
          method: POST
          path: /runs
          body: {run: "{{ run.id }}"}
          idempotency_key: "{{ run.id }}"
      - id: report
        type: send_mail
        inputs: {resource: mail, to: [team@example.com], subject: Revenue, text: done}
      - id: publish
        type: with_lock
        inputs:
          key: gold
          ttl_seconds: 30
          step:
            type: write
            inputs: {from: revenue, resource: storage, path: marts/revenue.parquet, mode: replace}
transforms:
  - {type: dbt, path: ./dbt, target: prod}
governance: {emit_lineage: true}
observability: {traces: true, attributes: {service.name: daily-revenue}}
"""
BASE = """\
version: "1.0.0"
storage:
  default: {type: local, root: out}
connectors:
  shop_db:
    type: postgres
    config: {host: base.example.com, database: shop, user: reader, password: {secret_ref: shop-base, key: password}}
    options: {connect_timeout: 30}
"""
PLATFORM = """\
version: "1.0.0"
environment: prod
extends: ../base/platform.yaml
variables: {region: eu-west-1}
catalogs:
  default:
    type: polaris
    uri: https://polaris.internal:8181/api/catalog
    warehouse: production
    credentials: {mode: oauth2, client_id: firn, client_secret: {secret_ref: polaris}, scope: "PRINCIPAL_ROLE:DATA"}
compute:
  default: {type: duckdb, properties: {threads: 4}}
connectors:
  shop_db:
    config: {host: db.example.com}
    options: {connect_timeout: 10}
    locked: [config.host]
layers:
  gold: {storage_ref: default, namespace: gold, retention_days: 90}
security:
  mode: internal_fast
  archive_drivers: [zipfile]
  secret_mounts: [/var/run/secrets]
state: {backend: sqlite, path: .firn/state.db}
workspace: {root: .firn/work, cleanup: on_success}
observability: {traces: true, otlp_endpoint: "http://otel:4317"}
governance: {emit_lineage: true}
compatibility: {min_version: "0.1.0"}
"""
PROJECT = {
    "flow.yaml": FLOW,
    "query.sql": "select id, amount\nfrom orders\n",
    "dbt/dbt_project.yml": "name: marts\nversion: '1.0'\nprofile: marts\n",
    "dbt/models/customers.sql": "select 1 as id\n",
    "platform/base/platform.yaml": BASE,
    "platform/prod/platform.yaml": PLATFORM,
}


class Place(NamedTuple):
    """A place: the files that differ from those of the project, and what is given with `--var`."""

    name: str
    files: Mapping[str, str]
    variables: tuple[str, ...] = ()


def changed(name: str, file: str, old: str, new: str) -> Place:
    """Return a place that is made by changing one stretch of one file."""
    assert PROJECT[file].count(old) == 1, (name, old)
    return Place(name, {file: PROJECT[file].replace(old, new)})


def flow(name: str, old: str, new: str) -> Place:
    """Write something else into the flow."""
    return changed(f"flow: {name}", "flow.yaml", old, new)


def platform(name: str, old: str, new: str) -> Place:
    """Write something else into the platform."""
    return changed(f"platform: {name}", "platform/prod/platform.yaml", old, new)


def base(name: str, old: str, new: str) -> Place:
    """Write something else into the file that the platform extends."""
    return changed(f"base: {name}", "platform/base/platform.yaml", old, new)


def yaml(name: str, text: str) -> Place:
    """Write lines into the flow after its description, and hold it there whatever becomes of the file."""
    return changed(f"yaml: {name}", "flow.yaml", "owner: data-eng\n", text)


def beside(name: str, **files: str) -> Place:
    """Write files; `__` in a name stands for a slash, `_` before its last word for a dot."""
    paths = {
        f"{key.replace('__', '/').rpartition('_')[0]}.{key.rpartition('_')[2]}": text for key, text in files.items()
    }
    return Place(f"file: {name}", paths)


def given(name: str, *variables: str, **files: str) -> Place:
    """Give variables on the command line."""
    return Place(f"command line: {name}", beside("", **files).files, variables)


IN_A_FLOW = [
    flow("name", "name: daily\n", "name: «token»\n"),
    flow("version", 'version: "1.0.0"', "version: «token»"),
    flow("description", "Revenue of a day", "«token»"),
    flow("description, within words", "Revenue of a day", "Runs with «token» until May"),
    flow("description, a key's id", "Revenue of a day", "«aws»"),
    flow("description, an address with a password", "Revenue of a day", '"«url»"'),
    flow("description, a private key", "Revenue of a day", "|\n  «pem»"),
    flow("description, a signed token", "Revenue of a day", "«jwt»"),
    flow("description, a header", "Revenue of a day", '"«header»"'),
    flow(
        "description, a password in words",
        "Revenue of a day",
        """'The password is "«password|first»«password|second»"'""",
    ),
    flow("owner", "data-eng", "«token»"),
    flow("a variable", "days: 7", "days: «token»"),
    flow("a variable that is a password", "days: 7", 'db_password: "«password|json»"'),
    flow("a variable's name", "days: 7", "«token»: 7"),
    flow("a variable in a list", "days: 7", "days: [1, [«token»]]"),
    flow("a variable in a mapping", "days: 7", "days: {a: {b: «token»}}"),
    flow("a profile's name", "profile: shop_db", "profile: «token»"),
    flow("a resource's name", "  mail: {", "  «token»: {"),
    flow("a resource's type", "type: rest", "type: «token»"),
    flow("a driver of no known type", "type: rest", 'type: acme\n    secret_key: "«password|json»"'),
    flow(
        "config of an inline resource",
        'base_url: "https://rates.example.com"',
        'base_url: "https://«token».example.com"',
    ),
    flow("an address with a password", "https://rates.example.com", "«url»"),
    flow(
        "an address with a token in its query",
        "https://rates.example.com",
        "https://rates.example.com/?api_key=«token»",
    ),
    flow("a header's value", "Accept: text/csv", "X-Token: «token»"),
    flow("a header's name", "Accept: text/csv", "«token»: text/csv"),
    flow("an Authorization header", "Accept: text/csv", 'Authorization: "«header|value»"'),
    flow("Basic authorization", "Accept: text/csv", "Authorization: Basic «password|basic»"),
    flow("a sensitive field", "token: {secret_ref: rates-api}", "token: «token»"),
    flow("a sensitive field, a password", "token: {secret_ref: rates-api}", 'token: "«password|json»"'),
    flow("the name of a secret", "secret_ref: rates-api", "secret_ref: «token»"),
    flow("a secret's key", "{secret_ref: rates-api}", "{secret_ref: rates-api, key: «token»}"),
    flow("a second key beside a secret's name", "{secret_ref: rates-api}", "{secret_ref: rates-api, value: «token»}"),
    flow("a private key, inline", "private_key: {secret_ref: sftp-key}", 'private_key: "«pem|json»"'),
    flow("options", "statement_timeout: 60", "statement_timeout: «token»"),
    flow("an unknown option", "statement_timeout: 60", "sslpassword: «token»"),
    flow("an option's password", "statement_timeout: 60", 'sslpassword: "«password|json»"'),
    flow(
        "credentials beside config",
        "options: {timeout_seconds: 10}",
        'credentials: {user: me, password: "«password|json»"}',
    ),
    flow("params instead of config", "    options: {timeout_seconds: 10}", "    params: {token: «token»}"),
    flow("a job's id", "id: probe", "id: «token»"),
    flow("a job's description", "Is there anything to do?", "«token»"),
    flow("a step's id", "id: count", "id: «token»"),
    flow("a step's type", "type: query", "type: «token»"),
    flow("depends_on", "depends_on: [probe]", "depends_on: [«token»]"),
    flow("when", "outputs.n > 0", "outputs.n == '«token»'"),
    flow("when, as a name", "jobs.probe.outputs.n > 0", "jobs.«token».outputs.n > 0"),
    flow("timeout", "timeout: 2h", "timeout: «token»"),
    flow("a lock's key", "key: build", "key: «token»"),
    flow("a lock's time", "ttl_seconds: 5m", "ttl_seconds: «token»"),
    flow("retry", "max_attempts: 3", "max_attempts: «token»"),
    flow("retry's list", "[connection, timeout]", "[connection, «token»]"),
    flow("an output", "{{ result.rows[0].n }}", "«token»"),
    flow("an output's name", 'outputs: {n: "', 'outputs: {«token»: "'),
    flow("an output's path", "{{ result.rows[0].n }}", "{{ result.«token» }}"),
    flow("a template's default", "env.DAY:today", "env.DAY:«token»"),
    flow("a template's default, a password", "env.DAY:today", "env.DB_PASSWORD:«password|word»"),
    flow("a template's name", "env.DAY:today", "env.«token»"),
    flow("a template of no kind", "env.DAY:today", "«token»"),
    flow("a template that is not closed", '"in/{{ env.DAY:today }}"', '"in/{{ env.DAY:«token»"'),
    flow("a default of the shell's kind", "{{ env.DAY:today }}", "${DAY:-«token»}"),
    flow("list_files' pattern", '"*.zip"', '"«token»*.zip"'),
    flow("read's table", "table: orders, columns", "table: «token», columns"),
    flow("read's columns", "[id, amount]", "[id, «token»]"),
    flow("read's request", "path: /rates", "path: /rates/«token»"),
    flow("read's query parameters", "params: {day: today}", "params: {api_key: «token»}"),
    flow("read's headers", "Accept: text/json", 'Authorization: "«header|value»"'),
    flow("a step's unknown input", "table: orders, columns", "tabel: «token», columns"),
    flow("query's text", "as n from orders}", "as n from orders where k = '«token»'}"),
    flow("sql's literal", "amount > $least", "k = '«token»'"),
    flow("sql's comment", "amount > $least", "1 = 1 -- «token»"),
    flow("sql's block comment", "amount > $least", "1 = 1 /* «token» */"),
    flow("sql's name", "amount > $least", "«token» = 1"),
    flow("sql's quoted name", "amount > $least", 'k = \\"«token»\\"'),
    flow("sql's dollar quotes", "amount > $least", "k = $$«token»$$"),
    flow("sql's concatenation", "amount > $least", "k = '«token|first»' || '«token|second»'"),
    flow("sql with an address", "amount > $least", "k = '«url»'"),
    flow(
        "sql with a role's password",
        "select id from orders where amount > $least",
        "alter role r password '«password|word»'",
    ),
    flow("sql that is no SQL", "select id from orders where amount > $least", "selec «token» frm"),
    flow("sql's parameters", "env.LEAST:0", "env.LEAST:«token»"),
    flow("a parameter's name", 'params: {least: "', 'params: {«token»: "'),
    flow("check's expectation", "not_null: id", "not_null: «token»"),
    flow("check's values", "{not_null: id}", "{accepted_values: {column: id, values: [«token»]}}"),
    flow("an argument", "[gzip, out.csv]", "[gzip, --token=«token»]"),
    flow("an argument, a password", "[gzip, out.csv]", '[gzip, "--password=«password|json»"]'),
    flow("two arguments", "[gzip, out.csv]", '[gzip, --password, "«password|json»"]'),
    flow("a program's environment", "LANG: C", "LANG: «token»"),
    flow("a program's environment, a password", "LANG: C", 'PGPASSWORD: "«password|json»"'),
    flow("a shell's command", "[gzip, out.csv]", '[sh, -c, "curl -u me:«password|word» https://x.example.com"]'),
    flow("http's path", "path: /runs", "path: /runs?token=«token»"),
    flow("http's body", 'run: "{{ run.id }}"}', "run: «token»}"),
    flow("http's body, a password", 'run: "{{ run.id }}"}', 'login: {password: "«password|json»"}}'),
    flow("http's body, JSON in a text", '{run: "{{ run.id }}"}', """'{"password": "«password|json»"}'"""),
    flow("http's method", "method: POST", "method: «token»"),
    flow("idempotency_key", 'idempotency_key: "{{ run.id }}"', "idempotency_key: «token»"),
    flow("a mail's subject", "subject: Revenue", "subject: «token»"),
    flow("a mail's text", "text: done", "text: «token»"),
    flow("a mail's address", "team@example.com", "«token»@example.com"),
    flow("a step within a step", "path: marts/revenue.parquet", "path: «token».parquet"),
    flow("write's mode", "mode: replace", "mode: «token»"),
    flow("dbt's target", "target: prod", "target: «token»"),
    flow("dbt's variables", "target: prod", "vars: {password: «token»}"),
    flow("governance", "emit_lineage: true", "emit_lineage: «token»"),
    flow("an attribute", "daily-revenue", "«token»"),
    flow("an attribute's name", "service.name", "«token»"),
    flow("an unknown key", "owner: data-eng", "password: «password|word»"),
    flow("an unknown key, a token", "owner: data-eng", "anything: {deep: [1, {er: «token»}]}"),
    flow("name and value", "owner: data-eng", 'env: [{name: DB_PASSWORD, value: "«password|json»"}]'),
    flow("value and name", "owner: data-eng", 'env: [{value: "«password|json»", name: DB_PASSWORD}]'),
    flow("a value under a key that is a password's", "owner: data-eng", 'password: {prod: "«password|json»"}'),
    flow("a list of passwords", "owner: data-eng", 'passwords: [first, "«password|json»"]'),
    flow("a compose file's list", "owner: data-eng", 'environment: ["DB_PASSWORD=«password|word»"]'),
    flow("a connection string", "owner: data-eng", """dsn: "host=db user=me password=«password|word» dbname=x" """),
    flow("an ODBC string", "owner: data-eng", 'dsn: "Driver=x;Server=db;Uid=me;Pwd=«password|word»;"'),
    flow("a JDBC address", "owner: data-eng", 'jdbc: "jdbc:postgresql://db/x?user=me&password=«password|word»"'),
]

IN_YAML = [
    Place("yaml: a comment before the first key", {"flow.yaml": f"# «token»\n{FLOW}"}),
    Place("yaml: a comment after the last key", {"flow.yaml": f"{FLOW}# «token»"}),
    Place("yaml: a comment without a space", {"flow.yaml": f"#«token»\n{FLOW}"}),
    Place("yaml: a comment after the document's start", {"flow.yaml": f"--- # «token»\n{FLOW}"}),
    yaml("a comment at a line's end", "owner: data-eng  # «token»\n"),
    yaml("a comment with a password", "owner: data-eng  # password: «password»\n"),
    yaml("a comment with an old line", '# db: {password: "«password|json»"}\n'),
    yaml("a comment of several lines", "# «pem|commented»\n"),
    yaml("a comment at a block's head", "owner: |  # «token»\n  data-eng\n"),
    yaml("a comment after a block", "owner: |\n  data-eng\n# «token»\n"),
    yaml("a comment within a list", "tags: [\n  a,  # «token»\n  b]\n"),
    yaml("what is no comment", "owner: data-eng#«token»\n"),
    yaml("an anchor's name", "owner: &«token» data-eng\n"),
    yaml("an alias to nothing", "owner: *«token»\n"),
    yaml("an anchor's value", "owner: &a «token»\nother: *a\n"),
    yaml("a password by an alias", 'owner: &a "«password|json»"\npassword: *a\n'),
    yaml("a tag", "owner: !«token» data-eng\n"),
    yaml("a tag's value", "owner: !secret «token»\n"),
    yaml("a long tag", "owner: !<tag:«token»> data-eng\n"),
    yaml("a binary value", "owner: !!binary «token|base64»\n"),
    Place("yaml: a directive", {"flow.yaml": f"%TOKEN «token»\n---\n{FLOW}"}),
    Place("yaml: a directive's name", {"flow.yaml": f"%«token»\n---\n{FLOW}"}),
    Place("yaml: a second document", {"flow.yaml": f"{FLOW}---\nowner: «token»\n"}),
    Place("yaml: a password in a second document", {"flow.yaml": f'{FLOW}---\npassword: "«password|json»"\n'}),
    Place("yaml: after the document's end", {"flow.yaml": f"{FLOW}...\n«token»\n"}),
    yaml("the first of two keys", "owner: «token»\nowner: data-eng\n"),
    yaml("the second of two keys", "owner: data-eng\nowner: «token»\n"),
    yaml("a password twice", 'password: "«password|json»"\npassword: {secret_ref: db}\n'),
    yaml("a key twice", "«token»: 1\n«token»: 2\n"),
    yaml("a merge key", "base: &b {owner: «token»}\nother: {<<: *b}\n"),
    yaml("a merge key's own", "<<: {owner: «token»}\n"),
    yaml("a key that is a list", "? [«token»]\n: 1\n"),
    yaml("an explicit key", "? «token»\n: 1\n"),
    yaml("a block", "owner: |\n  «token»\n"),
    yaml("a block without its last break", "owner: |-\n  «token»\n"),
    yaml("a block with its indentation", "owner: |2\n    «token»\n"),
    yaml("a password in a block", "password: |\n  «password»\n"),
    yaml("a password in a folded block", "password: >-\n  «password»\n"),
    yaml("a folded block", "owner: >+\n  by the\n  «token»\n\n"),
    yaml("a private key in a block", "owner: |\n  «pem»\n"),
    yaml("a private key in a folded block", "owner: >\n  «pem»\n"),
    yaml("double quotes", 'owner: "«token»"\n'),
    yaml("escapes of two digits", 'owner: "«token|x»"\n'),
    yaml("escapes of four digits", 'owner: "«token|u»"\n'),
    yaml("escapes of eight digits", 'owner: "«token|U»"\n'),
    yaml("escaped line breaks", 'owner: "«token|broken»"\n'),
    yaml("a password with escapes", 'password: "«password|u»"\n'),
    yaml("single quotes", "owner: '«token»'\n"),
    yaml("a password in single quotes", "password: '«password|single»'\n"),
    yaml("a plain text of several lines", "owner: the\n  key «token»\n  of May\n"),
    yaml("a password in plain text", "password: «password»\n"),
    yaml("flow style", "a: {b: [{c: «token»}]}\n"),
    Place("yaml: JSON", {"flow.yaml": '{"name": "daily", "version": "1.0.0", "owner": "«token»", "steps": []}'}),
    Place(
        "yaml: a password in JSON",
        {"flow.yaml": '{"name": "daily", "version": "1.0.0", "password": "«password|json»"}'},
    ),
    Place("yaml: Windows' line ends", {"flow.yaml": FLOW.replace("data-eng", "«token»").replace("\n", "\r\n")}),
    Place("yaml: a mark of byte order", {"flow.yaml": "\ufeff" + FLOW.replace("data-eng", "«token»")}),
    Place("yaml: a mistake before it", {"flow.yaml": "name: [a\nowner: «token»\n"}),
    Place("yaml: a mistake after it", {"flow.yaml": "owner: «token»\nname: [a\n"}),
    Place("yaml: a mistake on its line", {"flow.yaml": "owner: a: «token»\n"}),
    Place("yaml: a password before a mistake", {"flow.yaml": 'password: "«password|json»"\nname: [a\n'}),
    Place("yaml: a password after a mistake", {"flow.yaml": 'name: "a\n\tpassword: «password»\n'}),
    Place("yaml: a password on the line of a mistake", {"flow.yaml": "a: {password: «password|word»\n"}),
    Place("yaml: a password below its key, and a mistake", {"flow.yaml": "password:\n  «password»\na: b: c\n"}),
    Place("yaml: a password in a block, and a mistake", {"flow.yaml": "password: |\n  «password»\na: b: c\n"}),
    Place("yaml: quotes that are not closed", {"flow.yaml": f'owner: "«token»\n{FLOW}'}),
    Place("yaml: a tab before it", {"flow.yaml": "name: a\nx:\n\towner: «token»\n"}),
    Place("yaml: a control character beside it", {"flow.yaml": "name: a\nowner: «token»\x07\n"}),
    Place(
        "yaml: an invisible character within it", {"flow.yaml": "name: a\nowner: «token|first»\u200b«token|second»\n"}
    ),
    Place("yaml: not UTF-8", {"flow.yaml": "name: a\nowner: \udcff «token»\n"}),
    Place("yaml: a text alone", {"flow.yaml": "«token»"}),
    Place("yaml: a list", {"flow.yaml": "- «token»\n"}),
    Place("yaml: a comment alone", {"flow.yaml": "# «token»\n"}),
    Place("yaml: a comment and the marks of a document", {"flow.yaml": "---\n# «token»\n...\n"}),
]

WRAPPED = [
    yaml("base64", "owner: «token|base64»\n"),
    yaml("base64 within words", 'owner: "run with «token|base64» please"\n'),
    yaml("base64 for addresses", "owner: «url|base64url»\n"),
    yaml("base64 twice", "owner: «token|base64|base64»\n"),
    yaml("base64 in lines", "owner: |\n  «pem|base64|wrapped»\n"),
    yaml("base64 of JSON", "owner: «token|document|base64»\n"),
    yaml("base64 of JSON with a password", "owner: «password|document|base64»\n"),
    yaml("a password in base64 under its key", "password: «password|base64»\n"),
    yaml("spelled for addresses", "owner: «url|url»\n"),
    yaml("each sign spelled for addresses", "owner: «token|percent»\n"),
    yaml("hexadecimal", "owner: «token|hex»\n"),
    yaml("hexadecimal in capitals", "owner: «token|HEX»\n"),
    yaml("JSON in a text", "owner: '«token|document»'\n"),
    yaml("JSON in a text, a password", "owner: |\n  «password|document»\n"),
    yaml("JSON in JSON in a text", 'owner: |\n  {"a": "«password|document|json»"}\n'),
    yaml("JSON with escapes in a text", 'owner: \'{"a": "«token|u»"}\'\n'),
    yaml("JSON with escapes in a text, a password", 'owner: \'{"password": "«password|u»"}\'\n'),
    yaml("a command of a shell", "owner: export GH_TOKEN=«token»; gh pr list\n"),
    yaml("a command of a shell, a password", "owner: PGPASSWORD='«password|word»' psql -h db\n"),
    yaml("a line that is continued", "owner: |\n  mysql -u me \\\n    --password=«password|word»\n"),
    yaml("folded between option and password", "owner: >\n  mysql -u me\n  --password\n  «password|word»\n"),
]

IN_A_PLATFORM = [
    platform("environment", "environment: prod", "environment: «token»"),
    platform("a file that is not there", "extends: ../base/platform.yaml", "extends: ../«token»/platform.yaml"),
    platform("a variable", "region: eu-west-1", "region: «token»"),
    platform("a variable that is a password", "region: eu-west-1", 'admin_password: "«password|json»"'),
    platform("a storage", "catalogs:\n", "storage: {default: {root: «token»}}\ncatalogs:\n"),
    platform(
        "a storage's key",
        "catalogs:\n",
        "storage: {other: {type: s3, bucket: b, credentials: "
        "{mode: static, access_key_id: «aws», secret_access_key: «token»}}}\n"
        "catalogs:\n",
    ),
    platform("a storage's name", "catalogs:\n", "storage: {«token»: {type: local, root: out}}\ncatalogs:\n"),
    platform("a catalog's address", "https://polaris.internal:8181/api/catalog", "«url»"),
    platform("a catalog's secret", "client_secret: {secret_ref: polaris}", "client_secret: «token»"),
    platform(
        "a catalog's secret, a password", "client_secret: {secret_ref: polaris}", 'client_secret: "«password|json»"'
    ),
    platform("a catalog's client", "client_id: firn", "client_id: «token»"),
    platform("a catalog's scope", "PRINCIPAL_ROLE:DATA", "«token»"),
    platform("a computer's property", "threads: 4", "threads: «token»"),
    platform("an unknown property", "threads: 4", "secret: «token»"),
    platform("a connector's config", "host: db.example.com", "host: «token»"),
    platform("a connector's password", "config: {host: db.example.com}", 'config: {password: "«password|json»"}'),
    platform("a connector's token", "config: {host: db.example.com}", "config: {token: «token»}"),
    platform("a connector's options", "connect_timeout: 10", "connect_timeout: «token»"),
    platform("a connector's name", "  shop_db:\n", "  «token»: {type: local, config: {root: a}}\n  shop_db:\n"),
    platform(
        "a connector of no known type",
        "  shop_db:\n",
        '  x: {type: acme, config: {pass: "«password|json»"}}\n  shop_db:\n',
    ),
    platform("what is locked", "[config.host]", "[config.«token»]"),
    platform("a layer", "namespace: gold", "namespace: «token»"),
    platform("a layer's name", "  gold: {", "  «token»: {"),
    platform("security's mode", "mode: internal_fast", "mode: «token»"),
    platform("security's mounts", "/var/run/secrets", "/var/run/«token»"),
    platform("a plug-in", "archive_drivers: [zipfile]", 'plugins: [{name: x, version: "1", sha256: «token»}]'),
    platform("a hook", "archive_drivers: [zipfile]", "decode_hook: {module: «token»}"),
    platform(
        "the reason of an exception",
        "archive_drivers: [zipfile]",
        "allow_findings: [{path: description, rule: random, sha256: aa, reason: «token», expires: '2999-01-01'}]",
    ),
    platform("state", "path: .firn/state.db", "path: «token»"),
    platform("state's address", "{backend: sqlite, path: .firn/state.db}", '{backend: postgres, dsn: "«url»"}'),
    platform("workspace", "root: .firn/work", "root: «token»"),
    platform("observability", "http://otel:4317", "http://me:«password|word»@otel:4317"),
    platform("observability's headers", "traces: true", 'headers: {Authorization: "«header|value»"}'),
    platform("governance", "emit_lineage: true", "emit_lineage: «token»"),
    platform("compatibility", '"0.1.0"', '"«token»"'),
    platform("an unknown key", "governance:", 'secrets: {db: "«password|json»"}\ngovernance:'),
    platform("a comment", "governance:", "# «token»\ngovernance:"),
    platform("an anchor", "governance:", "x: &«token» 1\ngovernance:"),
    platform("no YAML", "governance:", 'password: "«password|json»"\n]\ngovernance:'),
    base("a value that is replaced", "host: base.example.com", "host: «token»"),
    base("a value that another file takes away", "connect_timeout: 30", "connect_timeout: 30, sslmode: «token»"),
    base("a password that is replaced", "{secret_ref: shop-base, key: password}", '"«password|json»"'),
    base("a comment", "connectors:\n", "connectors:  # «token»\n"),
    base("a key", "connectors:\n", "«token»: 1\nconnectors:\n"),
    base("no YAML", "connectors:\n", 'password: "«password|json»"\n- a\nconnectors:\n'),
    base("not a mapping", BASE, "- «token»\n"),
    Place(
        "chain: the base's password, which the leaf replaces by a reference",
        {
            "platform/base/platform.yaml": BASE.replace("{secret_ref: shop-base, key: password}", '"«password|json»"'),
            "platform/prod/platform.yaml": PLATFORM.replace("host: db.example.com", "password: {secret_ref: db}"),
        },
    ),
    Place(
        "chain: the base's token, which the leaf replaces",
        {
            "platform/base/platform.yaml": BASE.replace("base.example.com", "«token»"),
            "platform/prod/platform.yaml": PLATFORM,
        },
    ),
    Place(
        "chain: the base's token, which the leaf takes away",
        {
            "platform/base/platform.yaml": BASE + "variables: {region: a, key: «token»}\n",
            "platform/prod/platform.yaml": PLATFORM.replace("region: eu-west-1", "region: b, key: null"),
        },
    ),
    Place(
        "chain: a whole connector, which the leaf takes away",
        {
            "platform/base/platform.yaml": BASE + '  old: {type: mysql, config: {password: "«password|json»"}}\n',
            "platform/prod/platform.yaml": PLATFORM.replace("  shop_db:\n", "  old: null\n  shop_db:\n"),
        },
    ),
    Place(
        "chain: the third file",
        {
            "platform/base/platform.yaml": f"extends: ../root/platform.yaml\n{BASE}",
            "platform/root/platform.yaml": 'version: "1.0.0"\nvariables: {region: «token»}\n',
        },
    ),
    Place(
        "chain: a file that is no YAML",
        {
            "platform/base/platform.yaml": f"extends: ../root/platform.yaml\n{BASE}",
            "platform/root/platform.yaml": "variables: [«token»\n",
        },
    ),
]

BESIDE_A_FLOW = [
    beside("SQL, a literal", query_sql="select id\nfrom orders\nwhere k = '«token»'\n"),
    beside("SQL, a comment", query_sql="-- «token»\nselect id from orders\n"),
    beside("SQL, a block comment", query_sql="select id /* was:\n «token» */ from orders\n"),
    beside("SQL, a name", query_sql='select "«token»" from orders\n'),
    beside("SQL, a private key", query_sql="/*\n«pem»\n*/ select id from orders\n"),
    beside("SQL, a secret of DuckDB", query_sql="create secret s (type s3, key_id '«aws»', secret '«token»')\n"),
    beside("SQL, a password of a role", query_sql="create role r login password '«password|word»'\n"),
    beside("SQL, an address", query_sql="attach '«url»' as db (type postgres)\n"),
    beside("SQL, put together", query_sql="select '«token|first»' || '«token|second»' as k\n"),
    beside("SQL, put together over lines", query_sql="select '«token|first»'\n  || '«token|second»' as k\n"),
    beside("SQL, by variables", query_sql="select '{{ var.table }}', '«token»' as k\n"),
    beside("SQL that is no SQL", query_sql="selec '«token» from\n"),
    beside("SQL that is not UTF-8", query_sql="select '\udcff', '«token»'\n"),
    beside("dbt's project", dbt__dbt_project_yml="name: marts\nvars: {key: «token»}\n"),
    beside("dbt's project, a password", dbt__dbt_project_yml='name: marts\nvars: {db_password: "«password|json»"}\n'),
    beside("dbt's project, a comment", dbt__dbt_project_yml="name: marts  # «token»\n"),
    beside("dbt's project, no YAML", dbt__dbt_project_yml='name: [marts\npassword: "«password|json»"\n'),
    beside("dbt's model", dbt__models__customers_sql="select '«token»' as id\n"),
    beside("dbt's model, a comment", dbt__models__customers_sql="{# «token» #} select 1 as id\n"),
    beside("dbt's macro", dbt__macros__key_sql="{% macro key() %}«token»{% endmacro %}\n"),
    beside("dbt's environment", dbt__models__customers_sql="select '{{ env_var('DBT_PASSWORD', '«token»') }}'\n"),
    beside(
        "dbt's profile", dbt__profiles_yml='marts:\n  outputs:\n    prod: {type: postgres, pass: "«password|json»"}\n'
    ),
    beside(
        "dbt's profile, a key",
        dbt__profiles_yml="marts:\n  outputs:\n    prod:\n      keyfile:\n        private_key: |\n          «pem»\n",
    ),
    beside("dbt's seed", dbt__seeds__users_csv="id,token\n1,«token»\n"),
    beside("dbt's words", dbt__models__docs_md="{% docs a %}\nUse «token».\n{% enddocs %}\n"),
    beside("dbt's schema", dbt__models__schema_yml="models: [{name: customers, description: «token»}]\n"),
    beside("dbt's script", dbt__run_sh='export DB_PASSWORD="«password|word»"\ndbt run\n'),
    beside("dbt's JSON", dbt__key_json='{"type": "service_account", "private_key": "«pem|json»"}\n'),
]

ON_THE_COMMAND_LINE = [
    given("a variable", "days=«token»"),
    given("a password", "db_password=«password»"),
    given("a mapping", '{"'.join(["days=", 'password": "«password|json»"}'])),
    given("a variable that nothing uses", "nobody_uses_this=«token»"),
    given("an address", "days=«url»"),
    given("a private key", "days=«pem»"),
    given("base64", "days=«token|base64»"),
    given("a sequence of YAML", "days=[a, «token»]"),
    given("no YAML", "days=[a, «token»"),
    Place(
        "variables: put together in a description",
        {
            "flow.yaml": FLOW.replace("days: 7", "a: «token|first», b: «token|second»").replace(
                "Revenue of a day", '"{{ var.a }}{{ var.b }}"'
            )
        },
    ),
    Place(
        "variables: put together on a platform",
        {
            "platform/prod/platform.yaml": PLATFORM.replace(
                "region: eu-west-1", "a: «token|first», b: «token|second»"
            ).replace("db.example.com", '"{{ var.a }}{{ var.b }}"')
        },
    ),
    Place(
        "variables: put together in SQL",
        {
            "flow.yaml": FLOW.replace("days: 7", "a: «token|first», b: «token|second»").replace(
                "amount > $least", "k = '{{ var.a }}{{ var.b }}'"
            )
        },
    ),
    Place(
        "variables: put together in a file of SQL",
        {
            "flow.yaml": FLOW.replace("days: 7", "a: «token|first», b: «token|second»"),
            "query.sql": "select '{{ var.a }}{{ var.b }}' as k\n",
        },
    ),
    Place(
        "variables: put together by SQL",
        {
            "flow.yaml": FLOW.replace("days: 7", "a: «token|first», b: «token|second»"),
            "query.sql": "select '{{ var.a }}' || '{{ var.b }}' as k\n",
        },
    ),
    Place(
        "variables: half in the platform, half in the flow",
        {
            "flow.yaml": FLOW.replace("days: 7", "b: «token|second»").replace(
                "Revenue of a day", '"{{ var.a }}{{ var.b }}"'
            ),
            "platform/prod/platform.yaml": PLATFORM.replace("region: eu-west-1", "a: «token|first»"),
        },
    ),
    Place(
        "variables: half on the command line",
        {
            "flow.yaml": FLOW.replace("days: 7", "b: «token|second»").replace(
                "Revenue of a day", '"{{ var.a }}{{ var.b }}"'
            )
        },
        ("a=«token|first»",),
    ),
    Place(
        "variables: all on the command line",
        {"flow.yaml": FLOW.replace("Revenue of a day", '"{{ var.a }}{{ var.b }}"')},
        ("a=«token|first»", "b=«token|second»"),
    ),
    Place(
        "variables: a password for another key",
        {"flow.yaml": FLOW.replace("days: 7", 'a: "«password|json»"').replace("LANG: C", 'PGPASSWORD: "{{ var.a }}"')},
    ),
    Place(
        "variables: a password of the command line for a key",
        {"flow.yaml": FLOW.replace("LANG: C", 'PGPASSWORD: "{{ var.a }}"')},
        ("a=«password»",),
    ),
]

PLACES = [*IN_A_FLOW, *IN_YAML, *WRAPPED, *IN_A_PLATFORM, *BESIDE_A_FLOW, *ON_THE_COMMAND_LINE]

# --- what is known to go wrong ---
