"""Where a person would put a value: complete flows and platforms with one hole, and the nodes that fill it.

A placement is `keyed` where the value's own key stands with it, in the same mapping, argument, comment or text. Where
it is not, only a value that gives itself away can be known for a secret.
"""

import json
import re
import shlex
from collections.abc import Callable
from random import Random
from typing import NamedTuple
from urllib.parse import quote

from forms import FORMS, Lines, Marked, Node, Verbatim, emit, forms_of, is_plain

PLATFORM = """\
version: "1.0.0"
environment: prod
variables: {region: eu-central-1}
storage:
  default: {type: s3, region: "{{ var.region }}", bucket: acme-marts}
connectors:
  lake: {type: local, config: {root: /data/lake}}
  crm:
    kind: crm
    driver: acme
    %%
    locked: [config.host]
security: {mode: enterprise}
workspace: {root: /tmp/firn}
"""
CATALOG = """\
version: "1.0.0"
storage:
  default: {type: local, root: out}
catalogs:
  default:
    type: polaris
    uri: https://polaris.internal:8181/api/catalog
    warehouse: production_catalog
    %%
workspace: {root: .firn/work, cleanup: on_success}
"""
RESOURCE = """\
name: daily-revenue
version: "1.0.0"
owner: data-eng

resources:
  crm:
    kind: crm
    driver: acme
    %%

steps:
  - id: customers
    type: read
    inputs: {resource: crm, table: customers, columns: [id, country]}
  - id: publish
    type: write
    inputs: {from: customers, resource: storage, path: customers.parquet, mode: replace}
"""
REQUEST = """\
name: exchange-rates
version: "1.0.0"
resources:
  rates: {profile: rates_api}
steps:
  - id: rates
    type: read
    inputs:
      resource: rates
      request:
        path: /latest
        %%
        records: data.items
      schema: {currency: text, rate: "decimal(18,6)"}
  - id: publish
    type: write
    inputs: {from: rates, resource: storage, path: rates.parquet, mode: replace}
"""
PROCESS = """\
name: partner-export
version: "1.0.0"
resources:
  tools: {profile: tools}
steps:
  - id: export
    type: run_process
    inputs:
      resource: tools
      %%
      success: {exit_codes: [0], require_files: [export.csv]}
    timeout: 600
"""
TOP = """\
name: daily-revenue
version: "1.0.0"
%%
resources:
  crm: {profile: crm}
steps:
  # one row per customer
  - id: customers
    type: read
    inputs: {resource: crm, table: customers}
  - id: countries
    type: sql
    inputs:
      sql: select country, count(*) as customers from customers group by country
  - id: publish
    type: write
    inputs: {from: countries, resource: storage, path: countries.csv, mode: replace}
"""
STEP = """\
name: loyalty
version: "1.0.0"
resources:
  crm: {profile: crm}
steps:
  - id: orders
    type: read
    inputs: {resource: crm, table: orders}
  - id: members
    type: query
    inputs:
      resource: crm
      %%
"""
ALIAS = """\
name: daily-revenue
version: "1.0.0"
%%
resources:
  crm:
    kind: crm
    driver: acme
    config: {host: crm.acme.example, @key@: *shared}
steps:
  - id: customers
    type: read
    inputs: {resource: crm, table: customers}
"""


class Names(NamedTuple):
    """What one value is called in the different parts of a file."""

    key: str
    vendor: str

    @property
    def snake(self) -> str:
        name = self.key.replace("-", "_").replace(".", "_").strip("_")
        return name if name.isupper() else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()

    @property
    def env(self) -> str:
        name, vendor = self.snake.upper(), self.vendor.upper()
        return name if name.startswith(vendor) else f"{vendor}_{name}"

    @property
    def variable(self) -> str:
        return self.env.lower()

    @property
    def header(self) -> str:
        return self.key if self.key == "Authorization" else "X-" + self.env.title().replace("_", "-")

    @property
    def flag(self) -> str:
        return "--" + self.snake.lower().replace("_", "-")


class Hole(NamedTuple):
    """All that a placement may use."""

    names: Names
    value: Marked
    random: Random

    def around(self, before: str, after: str = "", value: str | None = None) -> Marked:
        """Put text around the value; the secret stays what it was."""
        return Marked(before + (self.value if value is None else value) + after, self.value.secret)


class Placement(NamedTuple):
    """One place: the file around it, the node that fills the hole, and what fits there."""

    name: str
    keyed: bool
    fits: str
    document: str
    node: Callable[[Hole], Node]
    form: str | None = None
    """The one form it has, where that is not a choice: comments, and text that needs a block."""
    can: Callable[[str], bool] = lambda value: "\n" not in value

    @property
    def file(self) -> str:
        return "platform.yaml" if self.document in (PLATFORM, CATALOG) else "flow.yaml"


def anything(_: str) -> bool:
    return True


def _bare(value: str) -> bool:
    """Say whether a value can stand in an SQL literal, a template or a name without being quoted there."""
    return not set(value) & set("\n'\"{}\\")


def _word(value: str) -> bool:
    return _bare(value) and " " not in value and len(value) < 400


def _commented(text: str) -> Lines:
    return Lines([f"# {line}".rstrip() for line in text.splitlines()])


def _pair_comment(hole: Hole) -> Lines:
    node: Node = {hole.names.key: hole.value}
    form = "literal" if "\n" in hole.value else "plain" if is_plain(hole.value) else "double"
    return _commented("\n".join(emit(node, form)))


def _neutral(hole: Hole) -> str:
    return hole.random.choice(["value", "v", "arg", "setting", "extra", "x", "custom", "payload"])


def _json(hole: Hole) -> Marked:
    return Marked(json.dumps({"user": "etl", hole.names.key: str(hole.value), "retries": 3}), hole.value.secret)


def _below(hole: Hole, text: str) -> Marked:
    return Marked(text, hole.value.secret)


def _list_key(names: Names) -> str:
    return names.key if names.key.endswith("s") else names.key + "s"


CONNECTION: dict[str, Node] = {"host": "crm.acme.example", "port": 8443, "user": "reader"}
KEYED = (
    Placement(
        "config",
        True,
        "token password url header block file",
        PLATFORM,
        lambda h: {"config": CONNECTION | {h.names.key: h.value}},
        can=anything,
    ),
    Placement(
        "options",
        True,
        "token password url block",
        RESOURCE,
        lambda h: {"config": {"host": "crm.acme.example"}, "options": {"timeout": 30, h.names.key: h.value}},
        can=anything,
    ),
    Placement(
        "header",
        True,
        "token header",
        REQUEST,
        lambda h: {"headers": {"Accept": "application/json", h.names.header: h.value}},
    ),
    Placement(
        "params",
        True,
        "token password",
        REQUEST,
        lambda h: {"params": {"base": "EUR", h.names.key: h.value}},
    ),
    Placement(
        "env",
        True,
        "token password url block file",
        PROCESS,
        lambda h: {"command": ["acme-export", "--all"], "env": {"LANG": "C.UTF-8", h.names.env: h.value}},
        can=anything,
    ),
    Placement(
        "variables",
        True,
        "token password url block",
        TOP,
        lambda h: {"variables": {"days": 7, h.names.variable: h.value}},
        can=anything,
    ),
    Placement(
        "catalog properties",
        True,
        "token password url",
        CATALOG,
        lambda h: {"properties": {"rest.timeout": 30, h.names.key: h.value}},
    ),
    Placement(
        "name and value",
        True,
        "token password url block",
        PROCESS,
        lambda h: {
            "command": ["acme-export"],
            "env": [{"name": "LANG", "value": "C"}, {"name": h.names.env, "value": h.value}],
        },
        can=anything,
    ),
    Placement(
        "value before name",
        True,
        "token password",
        PLATFORM,
        lambda h: {"config": {"host": "crm.acme.example", "settings": [{"value": h.value, "key": h.names.key}]}},
    ),
    Placement(
        "nested",
        True,
        "token password url block header",
        PLATFORM,
        lambda h: {"config": {"host": "crm.acme.example", "login": {h.names.vendor: {h.names.key: h.value}}}},
        can=anything,
    ),
    Placement(
        "below its key",
        True,
        "token password block",
        PLATFORM,
        lambda h: {"config": {"host": "crm.acme.example", h.names.key: {"value": h.value}}},
        can=anything,
    ),
    Placement(
        "list below its key",
        True,
        "token password",
        RESOURCE,
        lambda h: {"config": {"host": "crm.acme.example", _list_key(h.names): [h.value]}},
    ),
    Placement(
        "argument",
        True,
        "token password url",
        PROCESS,
        lambda h: {"command": ["acme-export", "--all", h.around(h.names.flag + "="), "orders.csv"]},
    ),
    Placement(
        "argument after its option",
        True,
        "token password url",
        PROCESS,
        lambda h: {"command": ["acme-export", "--region", "eu", h.names.flag, h.value, "orders.csv"]},
    ),
    Placement(
        "argument in a string",
        True,
        "token password",
        PLATFORM,
        lambda h: {
            "config": {"host": "crm.acme.example", "args": h.around(f"--region eu {h.names.flag} ", " --retries 3")}
        },
        can=_word,
    ),
    Placement(
        "description, labelled",
        True,
        "token password url header",
        TOP,
        lambda h: {"description": h.around(f"Revenue per customer; log in as reader ({h.names.key}: ", "), ask Karin")},
    ),
    Placement(
        "commented-out pair",
        True,
        "token password url header block",
        PLATFORM,
        lambda h: {"config": {"host": "crm.acme.example", "": _pair_comment(h), "port": 8443}},
        "comment",
        anything,
    ),
    Placement(
        "comment at the end, labelled",
        True,
        "token password url",
        PLATFORM,
        lambda h: {"config": {"host": Verbatim(f"crm.acme.example  # {h.names.key}: {h.value}"), "port": 8443}},
        "comment",
    ),
    Placement(
        "comment, key=value",
        True,
        "token password url",
        TOP,
        lambda h: Lines([f"# by hand: {h.names.env}={h.value} make report", "owner: data-eng"]),
        "comment",
        _word,
    ),
    Placement(
        "template default",
        True,
        "token password url",
        PLATFORM,
        lambda h: {"config": CONNECTION | {h.names.key: h.around(f"{{{{ env.{h.names.env}:", " }}")}},
        can=_bare,
    ),
    Placement(
        "alias below its key",
        True,
        "token password url block",
        ALIAS,
        lambda h: {"variables": {"days": 7, "shared": Marked(h.value, h.value.secret, "shared")}},
        can=anything,
    ),
    Placement(
        "SQL, named argument",
        True,
        "token password",
        STEP,
        lambda h: {"sql": h.around(f"call acme_login(user => 'reader', {h.names.variable} => '", "')")},
        can=_bare,
    ),
    Placement(
        "JSON in a string",
        True,
        "token password url block",
        REQUEST,
        lambda h: {"body": _json(h)},
        can=anything,
    ),
    Placement(
        "dotenv in a block",
        True,
        "token password url",
        PROCESS,
        lambda h: {
            "command": ["acme-export"],
            "stdin": _below(h, f"REGION=eu\n{h.names.env}={h.value}\nLOG_LEVEL=info\n"),
        },
        "literal",
    ),
    Placement(
        "YAML in a block",
        True,
        "token password",
        PLATFORM,
        lambda h: {
            "config": {
                "host": "crm.acme.example",
                "raw": _below(h, f"user: reader\n{h.names.key}: {json.dumps(str(h.value))}\ntls: true\n"),
            }
        },
        "literal",
    ),
)

NEUTRAL = (
    Placement(
        "neutral key",
        False,
        "token url header block",
        PLATFORM,
        lambda h: {"config": {"host": "crm.acme.example", _neutral(h): h.value}},
        can=anything,
    ),
    Placement(
        "list item",
        False,
        "token url header block",
        RESOURCE,
        lambda h: {"config": {"host": "crm.acme.example", "extras": ["eu", h.value]}},
        can=anything,
    ),
    Placement(
        "mapping key",
        False,
        "token url",
        RESOURCE,
        lambda h: {"config": {"host": "crm.acme.example", "tenants": {h.value: "acme"}}},
        can=lambda v: len(v) < 300,
    ),
    Placement(
        "neutral name and value",
        False,
        "token url",
        PROCESS,
        lambda h: {"command": ["acme-export"], "env": [{"name": "ACME_SETTING", "value": h.value}]},
    ),
    Placement(
        "argument without option",
        False,
        "token url",
        PROCESS,
        lambda h: {"command": ["acme-export", "eu", h.value]},
    ),
    Placement(
        "description",
        False,
        "token url",
        TOP,
        lambda h: {"description": h.around("Since May the export runs with ", " instead of the old one; ask Karin")},
    ),
    Placement(
        "comment",
        False,
        "token url header block",
        TOP,
        lambda h: Lines(["# was, until May:", *_commented(h.value), "owner: data-eng"]),
        "comment",
        anything,
    ),
    Placement(
        "comment at the end",
        False,
        "token url",
        PLATFORM,
        lambda h: {"config": {"host": Verbatim(f"crm.acme.example  # {h.value}"), "port": 8443}},
        "comment",
    ),
    Placement(
        "neutral template default",
        False,
        "token url",
        PLATFORM,
        lambda h: {"config": {"host": "crm.acme.example", _neutral(h): h.around("{{ env.ACME_SETTING:", " }}")}},
        can=_bare,
    ),
    Placement(
        "SQL literal",
        False,
        "token url",
        STEP,
        lambda h: {"sql": h.around("select * from acme_export('", "') where country is not null")},
        can=_bare,
    ),
    Placement(
        "anchor",
        False,
        "token url",
        ALIAS,
        lambda h: {"variables": {"shared": Marked(h.value, h.value.secret, "shared")}},
    ),
    Placement(
        "URL query",
        False,
        "token",
        PLATFORM,
        lambda h: {
            "config": {
                "endpoint": h.around("https://api.acme.example/v1/orders?page=1&k=", value=quote(h.value, safe=""))
            }
        },
        can=_word,
    ),
)


def _words(hole: Hole) -> Node:
    words = shlex.split(hole.value)
    return {"command": [_below(hole, word) if hole.value.secret in word else word for word in words]}


def _splits(value: str) -> bool:
    return "=" not in value.split()[0] and "|" not in value and not value.startswith(("export ", "$"))


COMMANDS = (
    Placement("command", False, "command", PROCESS, lambda h: {"command": h.value}),
    Placement("command in words", False, "command", PROCESS, _words, can=_splits),
    Placement(
        "command for a shell",
        False,
        "command",
        PROCESS,
        lambda h: {"command": ["sh", "-c", h.value], "cwd": "/data"},
    ),
    Placement(
        "script",
        False,
        "command",
        PROCESS,
        lambda h: {"command": ["sh"], "stdin": _below(h, f"set -eu\ncd /data\n{h.value}\ngzip export.csv\n")},
        "literal",
    ),
    Placement(
        "script with continued lines",
        False,
        "command",
        PROCESS,
        lambda h: {"command": ["sh"], "stdin": _below(h, "set -eu\n" + h.value.replace(" -", " \\\n  -") + "\n")},
        "literal",
    ),
    Placement("command in variables", False, "command", TOP, lambda h: {"variables": {"days": 7, "refresh": h.value}}),
    Placement(
        "command in a comment",
        False,
        "command",
        TOP,
        lambda h: Lines(["# to load it by hand:", f"#   {h.value}", "owner: data-eng"]),
        "comment",
    ),
    Placement(
        "command in a description",
        False,
        "command",
        TOP,
        lambda h: {"description": h.around("Revenue per customer. To load it by hand, run `", "` and wait.")},
    ),
)
SQL = (
    Placement("sql", False, "sql", STEP, lambda h: {"sql": h.value}),
    Placement("sql, in flow style", False, "sql", STEP, lambda h: {"params": {"sql": h.value}}, "flow"),
    Placement("list of statements", False, "sql", STEP, lambda h: {"setup": ["select 1", h.value]}),
    Placement(
        "several statements",
        False,
        "sql",
        STEP,
        lambda h: {"sql": _below(h, f"begin;\n{h.value};\nselect count(*) from orders;\ncommit;\n")},
        "literal",
    ),
    Placement(
        "SQL comment",
        False,
        "sql",
        STEP,
        lambda h: {"sql": _below(h, f"-- {h.value}\nselect count(*) as n\nfrom orders\n")},
        "literal",
    ),
    Placement(
        "SQL in a comment",
        False,
        "sql",
        TOP,
        lambda h: Lines([f"# run once: {h.value};", "owner: data-eng"]),
        "comment",
    ),
    Placement(
        "SQL in a description",
        False,
        "sql",
        TOP,
        lambda h: {"description": h.around("Needs a user of its own: ", "; see the wiki")},
    ),
)
FILES = (
    Placement("content", False, "file", PROCESS, lambda h: {"command": ["cat"], "content": h.value}, can=anything),
    Placement("neutral file key", False, "file", PLATFORM, lambda h: {"config": {"extra": h.value}}, can=anything),
    Placement(
        "file as an item", False, "file", RESOURCE, lambda h: {"config": {"files": ["a.cfg", h.value]}}, can=anything
    ),
    Placement("file as a default", False, "file", TOP, lambda h: {"variables": {"template": h.value}}, can=anything),
    Placement(
        "file in JSON",
        False,
        "file",
        REQUEST,
        lambda h: {"body": _below(h, json.dumps({"path": "/etc/acme.conf", "content": str(h.value)}))},
        can=anything,
    ),
    Placement(
        "file in a comment",
        False,
        "file",
        TOP,
        lambda h: Lines([*_commented(h.value), "owner: data-eng"]),
        "comment",
        anything,
    ),
)
PLACEMENTS = (*KEYED, *NEUTRAL, *COMMANDS, *SQL, *FILES)
assert len({placement.name for placement in PLACEMENTS}) == len(PLACEMENTS)


def written(placement: Placement, names: Names, value: Marked, random: Random, form: str | None) -> tuple[str, str]:
    """Return the whole file with `value` in it, and the form: `form` where it can be had, else the first that can."""
    node = placement.node(Hole(names, value, random))
    form = placement.form or form_for(node, form)
    lines = []
    for line in placement.document.replace("@key@", names.key).splitlines():
        pad = line[: len(line) - len(line.lstrip())]
        lines += emit(node, form if form in FORMS else "double", pad) if line.strip() == "%%" else [line]
    return "\n".join(lines) + "\n", form


def _marked(node: Node) -> tuple[Marked, bool] | None:
    """Find the marked scalar, and whether it is a key."""
    if isinstance(node, Marked):
        return node, False
    if isinstance(node, dict):
        for key, value in node.items():
            if isinstance(key, Marked):
                return key, True
            if found := _marked(value):
                return found
    if isinstance(node, list):
        return next((found for item in node if (found := _marked(item))), None)
    return None


def form_for(node: Node, wanted: str | None) -> str:
    found = _marked(node)
    possible = forms_of(*found) if found else ["plain"]
    return wanted if wanted in possible else possible[0]


def possible_forms(placement: Placement, names: Names, value: Marked, random: Random) -> list[str]:
    """Return the forms that `value` can have there."""
    if placement.form:
        return [placement.form]
    found = _marked(placement.node(Hole(names, value, random)))
    return forms_of(*found) if found else []
