"""The `extends` chain: however a platform is split into files, and spelled in each, it is the platform of one file."""

import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.projects import compiled
from compiler.styles import styled
from firn_compiler.assembly import MAX_CHAIN
from firn_compiler.cli import compile_command, explain_command, validate_command
from firn_compiler.pipeline import Compilation

CHANCE = st.integers(0, 2**32).map(random.Random)
CANARY = "CANARY-5up3r-s3cret"
ROLE = "arn:aws:iam::123456789012:role/{}"
FLOW = """\
name: hello
version: "1.0.0"
resources:
  shop: {profile: shop}
  lake: {profile: lake, options: {max_concurrency: 2}}
  api: {profile: api}
steps:
  - id: orders
    type: read
    inputs: {resource: shop, table: orders, columns: [id]}
  - id: days
    type: read
    inputs: {resource: lake, path: "{{ var.folder }}/days.parquet", columns: [id]}
  - id: rates
    type: read
    inputs: {resource: api, path: /rates, columns: [id]}
  - id: publish
    type: write
    inputs: {from: orders, resource: storage, path: orders.parquet, mode: replace}
"""
WHOLE: dict[str, Any] = {
    "version": "1.0.0",
    "environment": "test",
    "variables": {"folder": "2026", "host": "db", "size": 3},
    "storage": {"default": {"type": "s3", "bucket": "out", "endpoint": "https://s3.example.com", "max_concurrency": 4}},
    "compute": {"default": {"type": "duckdb", "properties": {"threads": 2, "memory_limit": "1GB"}}},
    "connectors": {
        "shop": {
            "kind": "db",
            "driver": "postgres",
            "config": {
                "host": "{{ var.host }}.example.com",
                "database": "shop",
                "user": "{{ env.SHOP_USER:reader }}",
                "password": {"secret_ref": "shop", "key": "password"},
            },
            "options": {"connect_timeout": 5, "sslmode": "require"},
            "locked": ["config.host", "options.sslmode"],
        },
        "lake": {
            "type": "s3",
            "config": {"bucket": "lake", "credentials": {"mode": "iam_role", "role_arn": ROLE.format("Lake")}},
            "options": {"part_size": 8388608},
        },
        "api": {
            "type": "rest",
            "config": {"base_url": "https://api.example.com", "headers": {"X-A": "a", "X.B": "b"}},
            "options": {"timeout": 10},
        },
    },
    "security": {"mode": "internal_fast", "secret_mounts": ["/var/run/secrets", "/secrets"]},
    "workspace": {"root": ".work", "cleanup": "always"},
}
ALIASES = {"database": "dbname", "user": "username", "endpoint": "endpoint_url", "timeout": "timeout_seconds"}
WORDS = {"version", "mode", "type", "kind", "driver", "sslmode", "cleanup", "memory_limit", "role_arn", "locked"}
"""Keys whose value is one of few: another would be wrong in whichever file it stands."""
GONE: dict[str, Any] = {
    "variables": [1, {"a": None}],
    "storage": {"type": "local", "root": "gone"},
    "connectors": {"type": "sqlite", "params": {"path": "gone"}},
    "headers": "gone",
}
"""What may be added to a mapping by any name."""
HEAD = 'version: "1.0.0"\n'
SHOP = "{type: postgres, config: {host: h, database: d, user: u}}"


def chain(*layers: str) -> Compilation:
    """Compile with a platform of these layers, the base first; each is what stands beside the version."""
    texts = [HEAD + (f"extends: {at - 1}.yaml\n" if at else "") + layer for at, layer in enumerate(layers)]
    leaf = texts.pop() + "environment: test\n"
    flow = FLOW[: FLOW.index("  lake:")] + FLOW[FLOW.index("steps:") : FLOW.index("  - id: days")]
    flow += FLOW[FLOW.index("  - id: publish") :]
    if any(re.search("shop: .*(type: s3|type: rest|bucket:)", one) for one in layers):
        flow = flow.replace("table: orders", "path: orders.parquet")
    leaf += "" if any("storage:" in one for one in layers) else "storage: {default: {type: local, root: out}}\n"
    return compiled(flow, leaf, {f"{at}.yaml": text for at, text in enumerate(texts)})


def shops(*layers: str) -> Compilation:
    return chain(*(f"connectors: {{shop: {layer}}}\n" for layer in layers))


def payload(result: Compilation) -> dict[str, Any]:
    assert result.artifact is not None, result.diagnostics
    found: dict[str, Any] = json.loads(result.artifact)["payload"]
    return found


def config(result: Compilation) -> Any:
    return payload(result)["resources"]["shop"]["config"]


def codes(result: Compilation) -> list[str]:
    return [one.code for one in result.diagnostics]


def bytes_of(result: Compilation) -> str:
    """Return everything that was frozen but the sources, which name the files."""
    return json.dumps({key: value for key, value in payload(result).items() if key != "sources"})


# Any chain


class Split:
    """Splits a tree into layers, base first, whose merge is the tree again; and gives each its own spelling."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.chance = chance
        self.number = number

    def layers(self, tree: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [{} for _ in range(self.number)]
        for key, value in tree.items():
            self.place(found, key, value, 0)
        return found

    def place(self, into: list[dict[str, Any]], key: str, value: Any, lowest: int) -> None:
        """Put a value into some of the layers from `lowest` on."""
        if isinstance(value, dict) and "secret_ref" not in value and self.chance.random() < 0.9:
            start = lowest
            if lowest < self.number - 1 and self.chance.random() < 0.15:
                start = self.chance.randrange(lowest + 1, self.number)
                self.other(into, key, value, lowest, start)
                into[start - 1][key] = None
            inner: list[dict[str, Any]] = [{} for _ in range(self.number)]
            for name, item in value.items():
                self.place(inner, name, item, start)
            if key in GONE and start < self.number - 1 and self.chance.random() < 0.3:
                self.removed(inner, start, GONE[key])
            for at in range(start, self.number):
                if inner[at]:
                    into[at][key] = inner[at]
            return
        winner = self.chance.randrange(lowest, self.number)
        into[winner][key] = value
        self.other(into, key, value, lowest, winner)

    def other(self, into: list[dict[str, Any]], key: str, value: Any, lowest: int, winner: int) -> None:
        """Put something else into layers below the one that wins: it is replaced."""
        for at in range(lowest, winner):
            if self.chance.random() < 0.4:
                other = value if key in WORDS else self.unlike(value)
                into[at][key] = self.chance.choice((None, other, other))

    def removed(self, inner: list[dict[str, Any]], lowest: int, value: Any) -> None:
        """Add a key that a higher layer takes away again."""
        first = self.chance.randrange(lowest, self.number - 1)
        inner[first]["gone"] = copy.deepcopy(value)
        inner[self.chance.randrange(first + 1, self.number)]["gone"] = None

    def unlike(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {"secret_ref": "other", "key": "other"} if "secret_ref" in value else copy.deepcopy(value)
        if isinstance(value, list):
            return [*value[1:], "other"]
        return value + 1 if isinstance(value, int) else "other"

    def spelled(self, layer: dict[str, Any]) -> dict[str, Any]:
        """Return a layer with names of its settings in another word, here and there."""
        connectors = layer.get("connectors") or {}
        made = {name: self.connector(one) if isinstance(one, dict) else one for name, one in connectors.items()}
        storage = {name: self.renamed(one) for name, one in (layer.get("storage") or {}).items()}
        return layer | ({"connectors": made} if made else {}) | ({"storage": storage} if storage else {})

    def connector(self, node: dict[str, Any]) -> dict[str, Any]:
        made = {key: self.renamed(one) if key in ("config", "options") else one for key, one in node.items()}
        if "config" in made and self.chance.random() < 0.5:
            made["params"] = made.pop("config")
        return made

    def renamed(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        return {
            ALIASES[key] if key in ALIASES and self.chance.random() < 0.5 else key: one for key, one in node.items()
        }


def compiled_in(layers: list[dict[str, Any]], chance: random.Random) -> Compilation:
    """Compile with these layers, each in a style of its own."""
    files = {f"{at}.yaml": styled(layer | extended(at), chance).decode() for at, layer in enumerate(layers)}
    return compiled(FLOW, files.pop(f"{len(layers) - 1}.yaml"), files)


def extended(at: int) -> dict[str, str]:
    return {"extends": f"{at - 1}.yaml"} if at else {}


ONE_FILE = bytes_of(compiled_in([WHOLE], random.Random(0)))


@settings(max_examples=150)
@given(CHANCE, st.integers(2, 5))
def test_however_a_platform_is_split_it_is_the_platform_of_one_file(chance: random.Random, number: int) -> None:
    split = Split(chance, number)
    layers = split.layers(WHOLE)
    found = compiled_in([split.spelled(layer) for layer in layers], chance)
    assert found.diagnostics == (), layers
    assert bytes_of(found) == ONE_FILE, layers


def test_variables_that_are_taken_away_beside_extends_lose_nothing() -> None:
    leaf = f'{{version: "1.0.0", extends: 0.yaml, environment: test, variables: null, connectors: {{shop: {SHOP}}}}}\n'
    base = HEAD + "variables: {a: 1}\nstorage: {default: {type: local, root: out}}\n"
    flow = FLOW[: FLOW.index("  lake:")] + FLOW[FLOW.index("steps:") : FLOW.index("  - id: days")]
    found = compiled(flow + FLOW[FLOW.index("  - id: publish") :], leaf, {"0.yaml": base})
    assert found.diagnostics == ()
    assert payload(found)["environment"] == "test"


@pytest.mark.parametrize("nothing", ["null", "~", ""])
def test_a_platform_that_says_of_itself_that_it_extends_nothing_compiles(nothing: str) -> None:
    found = payload(chain(f"extends: {nothing}\nconnectors: {{shop: {SHOP}}}\n"))
    assert found["environment"] == "test"


@settings(max_examples=60)
@given(CHANCE, st.integers(2, 5))
def test_the_history_of_a_split_platform_ends_in_the_files_that_have_it(chance: random.Random, number: int) -> None:
    layers = Split(chance, number).layers(WHOLE)
    names = [*(f"{at}.yaml" for at in range(number - 1)), "platform.yaml"]
    for place in compiled_in(layers, chance).places:
        files = [layer.span.file for layer in place.replaced if layer.span.file] + [place.span.file]
        known = [file for file in files if file in names]
        assert known == sorted(known, key=names.index), place
        host = place.pointer.endswith("/shop/config/host")
        if host and known:
            having = [
                name
                for name, layer in zip(names, layers, strict=True)
                if "host" in (((layer.get("connectors") or {}).get("shop") or {}).get("config") or {})
            ]
            assert known[-1] == having[-1]


# Spellings


@pytest.mark.parametrize(
    "base", ["config: {host: h, database: d, user: u}", "params: {host: h, dbname: d, username: u}"]
)
@pytest.mark.parametrize(
    "leaf",
    [
        "config: {database: e, user: v}",
        "config: {dbname: e, username: v}",
        "params: {dbname: e, user: v}",
        "params: {database: e, username: v}",
    ],
)
def test_two_words_for_one_setting_still_merge(base: str, leaf: str) -> None:
    expected = {"database": "e", "host": "h", "port": 5432, "user": "v"}
    found = shops(f"{{type: postgres, {base}}}", f"{{{leaf}}}")
    assert (found.diagnostics, config(found)) == ((), expected)
    place = next(one for one in found.places if one.pointer == "/flows/hello/resources/shop/config/database")
    assert ([layer.value for layer in place.replaced], place.span.file) == (["d"], "platform.yaml")


def test_four_files_may_spell_one_setting_in_four_ways() -> None:
    found = shops(
        "{type: postgres, params: {host: h, dbname: a, username: u}}",
        "{config: {database: b}}",
        "{params: {database: c}}",
        "{config: {dbname: e}}",
    )
    assert (found.diagnostics, config(found)["database"]) == ((), "e")
    place = next(one for one in found.places if one.pointer == "/flows/hello/resources/shop/config/database")
    assert [(layer.span.file, layer.value) for layer in place.replaced] == [
        ("0.yaml", "a"),
        ("1.yaml", "b"),
        ("2.yaml", "c"),
    ]


def test_the_type_may_come_last_and_the_words_are_known_all_the_same() -> None:
    found = shops("{params: {host: h, dbname: d, username: u}}", "{type: postgres, config: {database: e}}")
    assert (found.diagnostics, config(found)["database"]) == ((), "e")


@pytest.mark.parametrize("layer", ["{config: {dbname: e, database: f}}", "{params: {database: f, dbname: e}}"])
def test_both_words_in_one_file_are_refused_there(layer: str) -> None:
    found = shops(SHOP, layer)
    assert [(one.code, one.message, one.span.file) for one in found.diagnostics] == [
        ("E201", "`dbname` is another spelling of `database`, which stands here too", "platform.yaml")
    ]


def test_both_parts_in_one_file_are_refused_there() -> None:
    found = shops(SHOP, "{config: {database: e}, params: {host: z}}")
    assert [(one.code, one.message, one.span.file) for one in found.diagnostics] == [
        ("E205", "`params` is short for `config`: name one or the other", "platform.yaml")
    ]


@pytest.mark.parametrize(
    ("base", "leaf"),
    [("type: postgres", "kind: db, driver: postgres"), ("kind: db, driver: postgres", "type: postgres")],
)
def test_the_short_type_and_the_long_one_still_merge(base: str, leaf: str) -> None:
    found = shops(f"{{{base}, config: {{host: h, database: d, user: u}}}}", f"{{{leaf}, config: {{host: z}}}}")
    assert (found.diagnostics, config(found)["host"]) == ((), "z")


@pytest.mark.parametrize(
    ("layers", "driver"),
    [
        (["type: postgres", "driver: mysql"], "mysql"),
        (["type: postgres", "kind: db, driver: mysql", "type: sqlite"], "sqlite3"),
        (["kind: db, driver: mysql", "type: sqlite", "driver: postgres"], "postgres"),
        (["kind: db, driver: mysql", "type: sqlite, kind: null, driver: null"], "sqlite3"),
        (["kind: db, driver: mysql", "type: null", "type: sqlite"], "sqlite3"),
        (
            ["type: mysql", "kind: rest, driver: httpx", "type: null, driver: null, kind: null", "type: sqlite"],
            "sqlite3",
        ),
    ],
)
def test_the_last_file_that_names_a_type_holds_by_whichever_words(layers: list[str], driver: str) -> None:
    found = shops(*(f"{{{layer}}}" for layer in layers))
    settings = "{path: x}" if driver == "sqlite3" else "{host: h, database: d, user: u}"
    found = shops(*(f"{{{layer}}}" for layer in layers), f"{{config: {settings}}}")
    assert (found.diagnostics, payload(found)["resources"]["shop"]["driver"]) == ((), driver)


@pytest.mark.parametrize(
    ("base", "leaf", "code"),
    [
        ("kind: db, driver: postgres", "type: postgrs", "E312"),
        ("kind: db, driver: postgres", "type: null", "E203"),
        ("kind: db, driver: postgres", "type: mysql, driver: mysql", "E205"),
        ("type: mysql, driver: mysql", "kind: db", "E205"),
    ],
)
def test_a_type_that_is_none_is_said_to_be_none(base: str, leaf: str, code: str) -> None:
    settings = "config: {host: h, database: d, user: u}"
    assert codes(shops(f"{{{base}, {settings}}}", f"{{{leaf}}}")) == [code]


def test_the_short_type_gives_way_where_a_null_removes_it() -> None:
    found = shops(SHOP, "{type: null, kind: db, driver: mysql}")
    assert (found.diagnostics, payload(found)["resources"]["shop"]["driver"]) == ((), "mysql")


def test_a_storage_may_spell_its_settings_in_two_ways() -> None:
    found = chain(
        f"storage: {{default: {{bucket: b, endpoint_url: 'https://a'}}}}\nconnectors: {{shop: {SHOP}}}\n",
        "storage: {default: {type: s3, endpoint: 'https://b'}}\n",
    )
    assert found.diagnostics == ()
    assert payload(found)["resources"]["storage"]["config"]["endpoint"] == "https://b"


# Credentials beside `config`


BASE_KEYS = (
    "{mode: static, access_key_id: {secret_ref: base, key: id}, secret_access_key: {secret_ref: base, key: key}}"
)
LEAF_KEYS = BASE_KEYS.replace("base", "leaf")


def lakes(*layers: str) -> Any:
    """Return the credentials of a bucket whose connector stands in these layers."""
    found = shops(*layers)
    assert found.diagnostics == ()
    return config(found).get("credentials")


def keys_of(reference: str) -> Any:
    return {
        "mode": "static",
        "access_key_id": {"$secret": {"ref": reference, "key": "id"}},
        "secret_access_key": {"$secret": {"ref": reference, "key": "key"}},
    }


@pytest.mark.parametrize(
    ("base", "leaf"),
    [
        (f"config: {{bucket: b, credentials: {BASE_KEYS}}}", f"config: {{credentials: {LEAF_KEYS}}}"),
        (f"config: {{bucket: b}}, credentials: {BASE_KEYS}", f"credentials: {LEAF_KEYS}"),
    ],
    ids=["both inside", "both beside"],
)
def test_credentials_of_the_leaf_replace_those_of_the_base(base: str, leaf: str) -> None:
    assert lakes(f"{{type: s3, {base}}}", f"{{{leaf}}}") == keys_of("leaf")


def test_credentials_beside_the_config_replace_those_inside_of_the_base() -> None:
    base = f"{{type: s3, config: {{bucket: b, credentials: {BASE_KEYS}}}}}"
    assert lakes(base, f"{{credentials: {LEAF_KEYS}}}") == keys_of("leaf")


def test_credentials_inside_the_config_are_merged_over_those_beside_it() -> None:
    base = f"{{type: s3, config: {{bucket: b}}, credentials: {{mode: iam_role, role_arn: {ROLE.format('Base')!r}}}}}"
    leaf = f"{{config: {{credentials: {{role_arn: {ROLE.format('Leaf')!r}}}}}}}"
    assert lakes(base, leaf) == {"mode": "iam_role", "role_arn": ROLE.format("Leaf")}


def test_a_null_inside_the_config_removes_the_credentials_beside_it() -> None:
    assert (
        lakes(f"{{type: s3, config: {{bucket: b}}, credentials: {BASE_KEYS}}}", "{config: {credentials: null}}") is None
    )


def test_credentials_twice_in_one_file_are_refused() -> None:
    result = shops(f"{{type: s3, config: {{bucket: b, credentials: {BASE_KEYS}}}, credentials: {LEAF_KEYS}}}")
    assert codes(result) == ["E205"]


def test_credentials_beside_the_config_may_be_spelled_in_two_ways() -> None:
    base = BASE_KEYS.replace("access_key_id", "access_key").replace("secret_access_key", "secret_key")
    found = shops(f"{{type: s3, config: {{bucket: b}}, credentials: {base}}}", f"{{credentials: {LEAF_KEYS}}}")
    assert codes(found) == []
    assert config(found)["credentials"] == keys_of("leaf")


@pytest.mark.parametrize("leaf", [f"credentials: {LEAF_KEYS}", f"config: {{credentials: {LEAF_KEYS}}}"])
@pytest.mark.parametrize("inside", [True, False])
def test_credentials_twice_in_any_file_are_refused_there(leaf: str, inside: bool) -> None:
    base = f"{{type: s3, config: {{bucket: b, credentials: {BASE_KEYS}}}, credentials: {BASE_KEYS}}}"
    layers = [base, f"{{{leaf}}}"] if inside else [base, f"{{{leaf}}}", "{config: {credentials: null}}"]
    assert [(one.code, one.span.file) for one in shops(*layers).diagnostics] == [("E205", "0.yaml")]


CREDENTIALS = ("credentials: {}", "config: {{credentials: {}}}", "params: {{credentials: {}}}")


@pytest.mark.parametrize("platform", CREDENTIALS)
@pytest.mark.parametrize("flow", CREDENTIALS)
def test_credentials_of_the_flow_are_merged_over_those_of_the_platform(platform: str, flow: str) -> None:
    own = flow.format(f"{{role_arn: {ROLE.format('Flow')!r}}}")
    theirs = platform.format(f"{{mode: iam_role, role_arn: {ROLE.format('Base')!r}}}")
    text = FLOW[: FLOW.index("  shop:")] + f"  shop: {{profile: lake, {own}}}\n"
    text += FLOW[FLOW.index("steps:") : FLOW.index("  - id: days")].replace("table: orders", "path: o.parquet")
    base = HEAD + "connectors: {lake: {type: s3, config: {bucket: b}}}\n"
    leaf = HEAD + f"environment: test\nextends: base.yaml\nconnectors: {{lake: {{{theirs}}}}}\n"
    found = compiled(text, leaf, {"base.yaml": base})
    assert found.diagnostics == ()
    assert config(found)["credentials"] == {"mode": "iam_role", "role_arn": ROLE.format("Flow")}


# Null


WITH_SCHEMA = "{type: postgres, config: {host: h, database: d, user: u, schema: s}, options: {application_name: x}}"


@pytest.mark.parametrize("word", ["config: {schema: null}", "params: {schema: null}", "params: {schema: }"])
def test_a_null_removes_a_key_of_any_file_below(word: str) -> None:
    for layers in (
        (WITH_SCHEMA, f"{{{word}}}"),
        (WITH_SCHEMA, f"{{{word}}}", "{}"),
        (WITH_SCHEMA, "{}", f"{{{word}}}"),
    ):
        assert bytes_of(shops(*layers)) == bytes_of(shops(WITH_SCHEMA.replace(", schema: s", "")))


@pytest.mark.parametrize("word", ["dbname", "database"])
def test_a_null_removes_a_key_by_any_of_its_words(word: str) -> None:
    found = shops(SHOP, f"{{params: {{{word}: null}}}}")
    assert [(one.code, one.message) for one in found.diagnostics] == [("E203", "the key `database` is missing")]


def test_what_a_null_removed_may_be_given_again() -> None:
    found = shops(WITH_SCHEMA, "{config: {schema: null}}", "{params: {schema: t}}")
    assert (found.diagnostics, config(found)["schema"]) == ((), "t")
    place = next(one for one in found.places if one.pointer == "/flows/hello/resources/shop/config/schema")
    assert [(layer.span.file, layer.value) for layer in place.replaced] == [("0.yaml", "s"), ("1.yaml", None)]


@pytest.mark.parametrize(
    "middle",
    [
        "connectors: null\n",
        "connectors:\n",
        "connectors: {shop: null}\n",
        "connectors: {shop: {config: null, options: null}}\n",
        "connectors: {shop: {params: null, options: null}}\n",
    ],
    ids=["section", "empty section", "connector", "config", "params"],
)
def test_a_null_removes_everything_below_it_and_what_comes_after_starts_anew(middle: str) -> None:
    leaf = "connectors: {shop: {type: postgres, params: {host: z, dbname: e, username: v}}}\n"
    found = chain(f"connectors: {{shop: {WITH_SCHEMA}}}\n", middle, leaf)
    assert bytes_of(found) == bytes_of(chain(leaf))


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        ("connectors: null\n", ["E301"]),
        ("connectors: {shop: null}\n", ["E301"]),
        ("connectors: {shop: {config: null}}\n", ["E203", "E203", "E203"]),
        ("connectors: {shop: {config: {host: null}}}\n", ["E203"]),
        ("storage: null\n", ["E303"]),
    ],
)
def test_what_a_null_of_the_leaf_removes_is_missing(leaf: str, expected: list[str]) -> None:
    base = (
        "variables: {host: h}\nstorage: {default: {type: local, root: out}}\n"
        "connectors: {shop: {type: postgres, config: {host: '{{ var.host }}', database: d, user: u}}}\n"
    )
    assert codes(chain(base)) == []
    assert codes(chain(base, leaf)) == expected


def test_a_variable_that_a_null_removes_is_the_only_thing_that_is_missing() -> None:
    shop = SHOP.replace("host: h", "host: '{{ var.host }}'")
    base = f"variables: {{host: h}}\nconnectors: {{shop: {shop}}}\n"
    assert codes(chain(base)) == []
    assert codes(chain(base, "variables: null\n")) == ["E403"]


@pytest.mark.parametrize("other", ["5", "[1]", "text"])
def test_what_is_no_mapping_is_replaced_by_one(other: str) -> None:
    variables = [f"variables: {{headers: {one}}}\n" for one in ("{A: a}", other, "{B: b}")]
    found = chain(*variables, "connectors: {shop: {type: s3, config: {bucket: b, endpoint: '{{ var.headers }}'}}}\n")
    assert [one.message for one in found.diagnostics] == ["`endpoint` must be text, not a mapping"]
    api = "connectors: {shop: {type: rest, config: {base_url: 'https://a', headers: '{{ var.headers }}'}}}\n"
    assert config(chain(*variables, api))["headers"] == {"B": "b"}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("version: 1.0\n", "E202"),
        ("environment: a b\n", "E204"),
        ("storge: {}\n", "E201"),
        ("state: {backend: file}\n", "E204"),
        ("workspace: {cleanup: 1}\n", "E204"),
        ("workspace: 5\n", "E202"),
        ("connectors: {shop: {config: 5}}\n", "E202"),
        ("connectors: {shop: {confg: {}}}\n", "E201"),
        ("connectors: {shop: {type: postgres, config: {port: many}}}\n", "E202"),
        ("connectors: {shop: {type: postgres, config: {port: '{{ var.port }}'}}}\nvariables: {port: many}\n", "E202"),
        ("connectors: {shop: {type: postgres, options: {timout: 5}}}\n", "E201"),
        ("connectors: {shop: {type: s3, credentials: {mode: nobody}}}\n", "E204"),
        ("storage: {default: {type: s3, bucket: 5}}\n", "E202"),
        ("compute: {default: {type: duckdb, properties: {threads: many}}}\n", "E202"),
    ],
)
@pytest.mark.parametrize("at", [0, 1])
def test_what_is_wrong_in_a_file_is_said_although_a_later_one_replaces_it(wrong: str, code: str, at: int) -> None:
    key = wrong.partition(":")[0]
    layers = ["", "", f"{key}: null\n" if key != "version" else "", f"connectors: {{shop: {SHOP}}}\n"]
    layers[at] = wrong
    texts = [(HEAD if "version" not in one else "") + one for one in layers]
    files = {f"{at}.yaml": (f"extends: {at - 1}.yaml\n" if at else "") + one for at, one in enumerate(texts)}
    rest = "environment: test\nvariables: {port: many}\nextends: 3.yaml\nstorage: {default: {type: local, root: out}}\n"
    flow = FLOW[: FLOW.index("  lake:")] + FLOW[FLOW.index("steps:") : FLOW.index("  - id: days")]
    found = compiled(flow + FLOW[FLOW.index("  - id: publish") :], HEAD + rest, files)
    assert [(one.code, one.span.file) for one in found.diagnostics] == [(code, f"{at}.yaml")]


def test_what_is_missing_in_a_file_another_may_bring() -> None:
    base = "connectors: {shop: {config: {host: h}}}\nstate: {path: x}\nlayers: {gold: {namespace: gold}}\n"
    leaf = "connectors: {shop: {type: postgres, params: {dbname: d, user: u, port: '{{ var.port }}'}}}\n"
    rest = "variables: {port: 5}\nstate: {backend: sqlite}\nlayers: {gold: {storage_ref: default}}\n"
    assert codes(chain(base, leaf, rest)) == []


def test_a_reference_of_the_leaf_is_merged_key_by_key() -> None:
    base = SHOP.replace("user: u", "user: u, password: {secret_ref: a, key: k}")
    assert config(shops(base, "{config: {password: {secret_ref: b}}}"))["password"] == {
        "$secret": {"ref": "b", "key": "k"}
    }
    whole = shops(base, "{config: {password: {secret_ref: b, key: null}}}")
    assert config(whole)["password"] == {"$secret": {"ref": "b"}}


# Secrets


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("word", ["config", "params"])
def test_a_literal_in_any_file_is_refused_although_a_later_file_replaces_it(layer: int, word: str) -> None:
    layers = [SHOP, "{}", "{config: {password: {secret_ref: shop}}}"]
    literal = f"{word}: {{host: h, database: d, user: u, password: {CANARY}}}"
    layers[layer] = f"{{type: postgres, {literal}}}" if layer == 0 else f"{{{literal}}}"
    found = shops(*layers)
    names = ["0.yaml", "1.yaml", "platform.yaml"]
    assert [(one.code, one.span.file) for one in found.diagnostics] == [("E601", names[layer])]


@pytest.mark.parametrize(
    "leaf",
    [
        "{shop: {type: sqlite, config: {path: x, host: null, database: null, user: null, password: null}}}",
        f"{{shop: {SHOP}, other: null}}",
    ],
    ids=["another driver", "removed"],
)
def test_a_literal_of_a_system_that_the_leaf_replaces_is_refused(leaf: str) -> None:
    literal = SHOP.replace("user: u", f"user: u, password: {CANARY}")
    name = "other" if "other" in leaf else "shop"
    assert codes(chain(f"connectors: {{{name}: {literal}}}\n", f"connectors: {leaf}\n")) == ["E601"]


LITERAL_PASSWORD = f"config: {{host: h, password: {CANARY}}}"
STATE = "backend: postgres, host: h, database: d, user: u"


@pytest.mark.parametrize(
    ("layers", "at"),
    [
        (
            [
                f"connectors: {{a: {{{LITERAL_PASSWORD}}}}}",
                "connectors: {a: {type: postgres}}",
                "connectors: {a: null}",
            ],
            0,
        ),
        (["connectors: {a: {type: postgres}}", f"connectors: {{a: {{{LITERAL_PASSWORD}}}}}", "connectors: null"], 1),
        (
            [
                f"connectors: {{a: {{kind: db, {LITERAL_PASSWORD}}}}}",
                "connectors: {a: {driver: postgres}}",
                "connectors: {a: null}",
            ],
            0,
        ),
        (
            [
                "connectors: {a: {type: s3, credentials: {mode: oauth2}}}",
                f"connectors: {{a: {{credentials: {{client_secret: {CANARY}}}}}}}",
                "connectors: {a: null}",
            ],
            1,
        ),
        ([f"connectors: {{a: {{credentials: {{token: {CANARY}}}}}}}", "connectors: {a: null}"], 0),
        ([f"connectors: {{a: {{config: {{credentials: {{token: {CANARY}}}}}}}}}", "connectors: {a: null}"], 0),
        ([f"catalogs: {{c: {{type: polaris, credentials: {{client_secret: {CANARY}}}}}}}", "catalogs: {c: null}"], 0),
        ([f"state: {{{STATE}}}", f"state: {{password: {CANARY}}}", "state: {password: {secret_ref: b}}"], 1),
        ([f"state: {{{STATE}, password: {CANARY}}}", "state: null"], 0),
    ],
)
def test_a_literal_is_refused_whatever_the_other_files_make_of_its_system(layers: list[str], at: int) -> None:
    found = chain(*(f"{layer}\n" for layer in layers), f"connectors: {{shop: {SHOP}}}\n")
    assert [(one.code, one.span.file) for one in found.diagnostics] == [("E601", f"{at}.yaml")]
    assert CANARY not in str(found.diagnostics)


# Files


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def test_a_parent_is_named_from_the_file_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flow = "name: hello\nversion: '1.0.0'\nresources: {shop: {profile: shop}}\nsteps:\n"
    put("work/flow.yaml", flow + FLOW[FLOW.index("  - id: orders") : FLOW.index("  - id: days")])
    put("shared/company.yaml", HEAD + f"connectors: {{shop: {SHOP}}}\n")
    put("shared/regions/eu/eu.yaml", HEAD + "extends: ../../company.yaml\nconnectors: {shop: {config: {host: eu}}}\n")
    put("work/platform/base/platform.yaml", HEAD + "extends: ../../../shared/regions/eu/eu.yaml\n")
    put("work/platform/prod/platform.yaml", HEAD + "extends: ../base/platform.yaml\n")
    answers: list[tuple[int, bytes]] = []
    for folder, words in (
        (".", ["work/flow.yaml", "--env", "prod"]),
        ("work", ["flow.yaml", "-p", "platform/prod/platform.yaml"]),
        ("work/platform/prod", ["../../flow.yaml", "-p", "platform.yaml"]),
    ):
        monkeypatch.chdir(tmp_path / folder)
        out = tmp_path / f"{len(answers)}.json"
        result = CliRunner().invoke(compile_command, [*words, "--no-cache", "-o", str(out)])
        answers.append((result.exit_code, out.read_bytes() if out.exists() else b""))
    assert answers[0][0] == 0
    assert answers[0] == answers[1] == answers[2]
    body = json.loads((tmp_path / "0.json").read_bytes())["payload"]
    assert [one["name"] for one in body["sources"]] == [
        "flow.yaml",
        "../../../shared/regions/eu/eu.yaml",
        "../../company.yaml",
        "../base/platform.yaml",
        "platform.yaml",
    ]
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(explain_command, ["work/flow.yaml", "--env", "prod", "resources.shop.config.host"])
    assert [line.split() for line in result.stdout.splitlines()[1:3]] == [
        ["set", "by", "shared/regions/eu/eu.yaml:3:36"],
        ["replaces", "shared/company.yaml:2:52", '"h"'],
    ]


@pytest.mark.parametrize(
    ("parent", "code"),
    [("platform.yaml", "E308"), ("./platform.yaml", "E308"), ("nope.yaml", "E307"), (".", "E307"), ("", "E307")],
)
def test_a_parent_that_cannot_be_one_is_named_at_its_place(
    parent: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put("platform.yaml", f"{HEAD}environment: test\nextends: '{parent}'\n")
    result = CliRunner().invoke(validate_command, ["platform.yaml", "--format", "json"])
    (found,) = json.loads(result.stdout)["diagnostics"]
    assert (found["code"], found["file"], found["line"], found["column"]) == (code, "platform.yaml", 3, 10)


def test_a_chain_that_is_too_long_is_named_where_its_last_file_goes_on() -> None:
    files = {f"{n}.yaml": f"{HEAD}extends: {n + 1}.yaml\n" for n in range(1, MAX_CHAIN)} | {
        f"{MAX_CHAIN}.yaml": json.dumps(WHOLE)
    }
    found = compiled(FLOW, f"{HEAD}environment: test\nextends: 1.yaml\n", files)
    (told,) = [one for one in found.diagnostics if one.code == "E308"]
    assert (told.span.file, told.span.line) == (f"{MAX_CHAIN - 1}.yaml", 2)
    within = compiled(FLOW, f"{HEAD}environment: test\nextends: 2.yaml\n", files)
    assert codes(within) == []


WANTING = (
    "connectors: {shop: {config: {host: '{{ var.host }}'}}}\nstorage: {default: {root: x}}\n"
    "layers: {gold: {storage_ref: lake, namespace: a}}\nstate: {path: x}\nsecurity: {plugins: []}\n"
)
"""What lacks a parent in every way."""
BROKEN = (
    HEAD
    + """\
variables: {host: db, team: data, folder: in
security: {mode: internal_fast
storage: {lake: {type: local, root: out}, default: {type: local}
state: {backend: sqlite
connectors: {api: {type: rest}, shop: {type: postgres, config: {database: shop, user: reader, port: 1}}
layers:
  bronze: {storage_ref: lake, namespace: bronze
"""
)


@pytest.mark.parametrize(
    ("files", "code"),
    [({}, "E307"), ({"base.yaml": BROKEN}, "E101"), ({"base.yaml": HEAD + "extends: base.yaml\n"}, "E308")],
    ids=["missing", "broken", "its own parent"],
)
def test_nothing_is_said_of_what_a_parent_that_cannot_be_read_would_have_defined(
    files: dict[str, str], code: str
) -> None:
    flow = FLOW.replace("resource: api", "resource: bronze") + "owner: '{{ var.team }}'\n"
    assert set(codes(compiled(flow, HEAD + "extends: base.yaml\n" + WANTING, files))) == {code}
    wrong = WANTING.replace("host:", "host: x, password: CANARY, user:").replace("{shop: {", "{shop: {type: postgres, ")
    found = compiled(FLOW, HEAD + "extends: base.yaml\nworkspce: {}\n" + wrong, files)
    assert sorted(set(codes(found))) == sorted([code, "E201", "E601"])


def test_what_is_wrong_in_any_file_of_the_chain_is_named_in_that_file() -> None:
    found = chain(
        f"connectors: {{shop: {SHOP}}}\nworkspace: {{clean: 1}}\n",
        "connectors: {shop: {options: {conect_timeout: 1}}}\n",
        "connectors: {shop: {config: {port: many}}}\n",
    )
    assert {(one.code, one.span.file) for one in found.diagnostics} == {
        ("E201", "0.yaml"),
        ("E201", "1.yaml"),
        ("E202", "platform.yaml"),
    }
