"""Plug-ins as the compiler sees them: a manifest of JSON Schemas, found through package metadata, never imported."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from compiler.projects import PLATFORM, source
from firn_compiler import sources
from firn_compiler.assembly import Request
from firn_compiler.installed import installed_plugins
from firn_compiler.pipeline import Compilation, compile_project
from firn_compiler.plugins import Plugin
from firn_schemas.connectors import CONNECTORS

MANIFEST: dict[str, Any] = {
    "format": "firn.plugin/1",
    "connectors": [
        {
            "kind": "erp",
            "driver": "sap",
            "can": ["readable"],
            "config": {
                "type": "object",
                "required": ["host", "password"],
                "properties": {
                    "host": {"type": "string"},
                    "client": {"type": "integer", "default": 100},
                    "tls": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"mode": {"enum": ["a", "b"]}},
                    },
                    "password": {"writeOnly": True},
                },
            },
        }
    ],
    "steps": [
        {
            "type": "sap_extract",
            "makes_dataset": True,
            "needs": "readable",
            "kind": "erp",
            "results": {"rows": "integer"},
            "inputs": {
                "type": "object",
                "required": ["resource", "bapi"],
                "properties": {"resource": {"type": "string"}, "bapi": {"type": "string"}},
            },
        }
    ],
}
FLOW = """\
name: sap
version: "1.0.0"
resources: {erp: {profile: erp}}
steps:
  - {id: mara, type: sap_extract, inputs: {resource: erp, bapi: BAPI_X}}
  - {id: w, type: write, inputs: {from: mara, resource: storage, path: x.parquet, mode: replace}}
"""
ERP = "  erp: {kind: erp, driver: sap, config: {host: '{{ env.SAP }}', password: {secret_ref: sap}, tls: {mode: a}}}\n"


SHA256 = "5c" * 32
PIN = f'{{name: acme-sap, version: "==1.4.2", sha256: {SHA256}}}'


def plugin(manifest: Any = MANIFEST, name: str = "acme-sap") -> Plugin:
    return Plugin(name, "1.4.2", orjson.dumps(manifest), SHA256)


def compiled(flow: str = FLOW, platform: str = PLATFORM + ERP, manifest: Any = MANIFEST, *more: Plugin) -> Compilation:
    request = Request(
        (source("flow.yaml", flow),),
        source("platform.yaml", platform),
        "",
        {},
        lambda *_: None,
        lambda *_: None,
        lambda _: (plugin(manifest), *more),
    )
    return compile_project(request)


def codes(result: Compilation) -> list[str]:
    return [one.code for one in result.diagnostics]


def test_a_plug_in_brings_connectors_and_steps_and_the_artifact_names_it() -> None:
    result = compiled()
    assert result.diagnostics == ()
    assert result.artifact is not None
    payload = orjson.loads(result.artifact)["payload"]
    assert payload["resources"]["erp"]["config"] == {
        "client": 100,
        "host": {"$env": {"name": "SAP"}},
        "password": {"$secret": {"ref": "sap"}},
        "tls": {"mode": "a"},
    }
    used = ["resources.erp", "flows.sap.main.mara"]
    assert payload["requires"]["plugins"] == [{"name": "acme-sap", "version": "1.4.2", "used_by": used}]
    assert {"kind": "plugin", "name": "acme-sap", "digest": plugin().digest} in payload["sources"]
    assert {"connector.erp.sap", "step.sap_extract"} <= set(payload["features"])


def changed(**of_connector: Any) -> dict[str, Any]:
    return MANIFEST | {"connectors": [MANIFEST["connectors"][0] | of_connector]}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ([], "has not the format"),
        (MANIFEST | {"format": "firn.plugin/2"}, "has not the format"),
        (MANIFEST | {"connectors": {"a": 1}}, "`connectors` must be a list"),
        (MANIFEST | {"connectors": 3}, "`connectors` must be a list"),
        (MANIFEST | {"connector": []}, "`connector` is not a known key"),
        (changed(can=7), "`connectors[0].can` must be a list"),
        (changed(can=["readible"]), "`connectors[0].can[0]` must be one of"),
        (changed(kind="a b"), "`a b` is not a name"),
        (changed(config={"properties": {"a-b": {}}}), "`a-b` is no identifier"),
        (changed(config={"properties": []}), "has no properties"),
        (changed(config={"required": 3}), "no list"),
        (changed(options={"properties": {"a": {"writeOnly": True}}}), "`writeOnly` is for"),
        (changed(config={"properties": {"a": {"properties": {"b": {"writeOnly": True}}}}}), "first level"),
        (changed(config={"properties": {"a": {"items": {"writeOnly": True}}}}), "first level"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_one_finding(manifest: Any, words: str) -> None:
    found = compiled(manifest=manifest).diagnostics[0]
    assert found.code == "E708"
    assert words in found.message


@pytest.mark.parametrize(
    "config",
    [
        {"properties": {"host": {"type": "strnig"}}},
        {"properties": {"host": {"pattern": "("}}},
        {"allOf": [{"$ref": "http://127.0.0.1:9/"}]},
        {"allOf": [{"$ref": "#/required"}], "required": ["host"]},
        {"allOf": [{"$ref": "#/allOf/first"}]},
        {"$id": 5},
    ],
)
def test_a_schema_that_cannot_be_used_is_one_finding(config: Any) -> None:
    assert "E708" in codes(compiled(manifest=with_config(config)))


def test_a_property_may_be_called_like_a_keyword() -> None:
    config = MANIFEST["connectors"][0]["config"]
    named = changed(config=config | {"properties": config["properties"] | {"class": {"type": "string"}}})
    assert compiled(platform=PLATFORM + ERP.replace("{mode: a}", "{mode: a}, class: x"), manifest=named).ok


def test_an_enterprise_platform_names_the_version_too() -> None:
    listed = f'security: {{mode: enterprise, plugins: [{{name: acme-sap, version: "==9.9.9", sha256: {"ab" * 32}}}]}}\n'
    assert set(codes(compiled(platform=PLATFORM + ERP + listed))) == {"E707"}


def test_its_rows_are_gone_afterwards() -> None:
    assert compiled().ok
    assert ("erp", "sap") not in CONNECTORS


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("bapi: BAPI_X", "bapi: 3", "E202"),
        ("bapi: BAPI_X", "bappi: X", "E201"),
        ("mode: a", "mode: c", "E204"),
        ("mode: a", "mode: a, more: 1", "E201"),
        ("{secret_ref: sap}", "hunter2", "E601"),
        (", password: {secret_ref: sap}", "", "E203"),
    ],
)
def test_its_schemas_are_held(old: str, new: str, code: str) -> None:
    result = compiled(FLOW.replace(old, new), (PLATFORM + ERP).replace(old, new))
    assert code in codes(result)
    assert not any("hunter2" in one.message + one.help for one in result.diagnostics)


def test_an_enterprise_platform_names_the_plug_ins_that_it_allows() -> None:
    strict = PLATFORM + ERP + "security: {mode: enterprise}\n"
    assert set(codes(compiled(platform=strict))) == {"E707"}
    listed = strict.replace("enterprise}", f"enterprise, plugins: [{PIN}]}}")
    assert codes(compiled(platform=listed)) == []
    assert codes(compiled(platform=listed.replace("name: acme-sap", "name: Acme_SAP"))) == []
    prefixed = listed.replace(SHA256, f"'sha256:{SHA256}'")
    assert codes(compiled(platform=prefixed)) == []


def test_an_enterprise_platform_states_the_digest_too() -> None:
    listed = PLATFORM + ERP + f"security: {{mode: enterprise, plugins: [{PIN}]}}\n"
    (unpinned,) = compiled(platform=listed.replace(f", sha256: {SHA256}", "")).diagnostics
    assert (unpinned.code, "`firn plugins` prints" in unpinned.help) == ("E710", True)
    others = {(one.code, one.help) for one in compiled(platform=listed.replace(SHA256, "ab" * 32)).diagnostics}
    assert others == {("E707", f"its `sha256` is {SHA256}")}


def test_only_internal_fast_has_folders_of_plug_ins() -> None:
    folders = PLATFORM + ERP + f"security: {{mode: enterprise, plugins: [{PIN}], plugin_folders: [plugins]}}\n"
    assert codes(compiled(platform=folders)) == ["E711"]
    assert codes(compiled(platform=folders.replace("enterprise", "internal_fast"))) == []


def test_a_step_under_a_lock_is_a_plug_ins_step_too() -> None:
    locked = FLOW.replace(
        "type: sap_extract, inputs: {resource: erp, bapi: BAPI_X}",
        "type: with_lock, inputs: {key: k, step: {type: sap_extract, inputs: {resource: erp, bapi: BAPI_X}}}",
    )
    result = compiled(locked)
    assert result.artifact is not None, result.diagnostics
    (needed,) = orjson.loads(result.artifact)["payload"]["requires"]["plugins"]
    assert needed["used_by"] == ["resources.erp", "flows.sap.main.mara"]
    strict = compiled(locked, PLATFORM + ERP + "security: {mode: enterprise}\n")
    assert len([one for one in strict.diagnostics if one.code == "E707"]) == 2


@pytest.mark.parametrize(
    ("inputs", "after"),
    [("{from: new}", ["sent"]), ("{dataset: NEW}", ["sent"]), ("{all: [x, main.new]}", ["sent"]), ("{}", [])],
)
def test_rows_of_a_dataset_that_a_steps_inputs_name_are_read_again_where_it_fails(
    inputs: str, after: list[str]
) -> None:
    read = "{resource: files, path: a.csv, schema: {id: bigint}, incremental: {cursor: id}}"
    sent = f"  - {{id: sent, type: acme_send, inputs: {inputs}}}\n"
    steps = f"steps:\n  - {{id: new, type: read, inputs: {read}}}\n{sent}"
    head = FLOW.partition("steps:")[0].replace("{erp: {profile: erp}}", "{files: {profile: files}}")
    names = {"from": {"type": "string"}, "dataset": {"type": "string"}, "all": {"type": "array"}}
    sends = {"type": "acme_send", "inputs": {"type": "object", "properties": names}, "results": {}}
    result = compiled(head + steps, PLATFORM, {**MANIFEST, "steps": [sends]})
    assert result.artifact is not None, result.diagnostics
    (job,) = orjson.loads(result.artifact)["payload"]["flows"]["sap"]["jobs"]
    assert job["steps"][0]["watermark"]["moves_after"] == [f"main.{one}" for one in after]


def test_a_name_that_two_plug_ins_claim_is_a_warning() -> None:
    result = compiled(FLOW, PLATFORM + ERP, MANIFEST, plugin(name="other-sap"))
    assert [one.message for one in result.diagnostics if one.code == "W702"] == [
        "the plug-ins `acme-sap` and `other-sap` both bring `erp/sap`: that of the latter holds",
        "the plug-ins `acme-sap` and `other-sap` both bring `sap_extract`: that of the latter holds",
    ]
    assert result.artifact is not None
    assert [one["name"] for one in orjson.loads(result.artifact)["payload"]["requires"]["plugins"]] == ["other-sap"]


def test_a_plug_in_that_brings_what_firn_has_is_a_warning() -> None:
    own = MANIFEST | {"connectors": [*MANIFEST["connectors"], {"kind": "db", "driver": "postgres"}]}
    (found,) = compiled(manifest=own).diagnostics
    assert found.code == "W702"
    assert "`db/postgres`, which Firn itself has: Firn's own holds" in found.message


def with_config(schema: Any) -> Any:
    return MANIFEST | {"connectors": [MANIFEST["connectors"][0] | {"config": schema}]}


def test_it_is_found_through_package_metadata_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, metadata = tmp_path / "acme_sap", tmp_path / "acme_sap-1.4.2.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "firn-plugin.json").write_text(json.dumps(MANIFEST))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sap\nVersion: 1.4.2\n")
    (metadata / "entry_points.txt").write_text("[firn.plugins]\nsap = acme_sap\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (found,) = installed_plugins()
    assert (found.name, found.version, json.loads(found.manifest)) == ("acme-sap", "1.4.2", MANIFEST)
    assert found.sha256 is None


def test_it_is_found_in_a_folder_of_the_platform_from_where_the_compiler_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "plugins"
    (folder / "acme_far").mkdir(parents=True)
    (folder / "acme_far-1.dist-info").mkdir()
    (folder / "acme_far/firn-plugin.json").write_text(json.dumps(MANIFEST))
    (folder / "acme_far/__init__.py").write_text("raise SystemExit('imported')")
    (folder / "acme_far-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: acme-far\nVersion: 1\n")
    (folder / "acme_far-1.dist-info/entry_points.txt").write_text("[firn.plugins]\nsap = acme_far\n")
    monkeypatch.chdir(tmp_path)
    assert "acme-far" not in [one.name for one in installed_plugins()]
    platform = source("platform.yaml", PLATFORM + ERP + "security: {mode: internal_fast, plugin_folders: [plugins]}\n")
    request, _ = sources.project_request([], None, None, {})
    made = compile_project(request._replace(flows=(source("flow.yaml", FLOW),), platform=platform))
    assert made.artifact is not None, made.diagnostics
    payload = orjson.loads(made.artifact)["payload"]
    assert payload["requires"]["plugins"][0]["name"] == "acme-far"
    assert payload["security"]["plugin_folders"] == ["plugins"]


def test_plug_ins_are_looked_for_only_where_something_unknown_is_named() -> None:
    def never(folders: tuple[str, ...]) -> tuple[Plugin, ...]:
        raise AssertionError("asked")

    request, _ = sources.project_request([], None, None, {})
    flow = source("flow.yaml", FLOW.replace("sap_extract", "read").replace("bapi", "table"))
    platform = source("platform.yaml", PLATFORM + "  erp: {type: sqlite, config: {path: x}}\n")
    assert compile_project(request._replace(flows=(flow,), platform=platform, plugins=never)).ok


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("METADATA", None),
        ("METADATA", b"Name: \xff\nVersion: 1\n"),
        ("METADATA", b"Name: a\x1b[1m\nVersion: 1\n"),
        ("entry_points.txt", b"[firn.plugins]\nno value\n"),
        ("entry_points.txt", b"[firn.plugins]\nx = \xff\n"),
        ("RECORD", b"\xff"),
        ("RECORD", b"x" * 200_000),
    ],
)
def test_damaged_metadata_of_another_distribution_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes | None
) -> None:
    for name in ("acme_damaged", "acme_sound"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "firn-plugin.json").write_text(json.dumps(MANIFEST))
        metadata = tmp_path / f"{name}-1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text(f"[firn.plugins]\nsap = {name}\n")
    damaged = tmp_path / "acme_damaged-1.dist-info" / file
    damaged.unlink(missing_ok=True)
    if content is not None:
        damaged.write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "acme_sound" in [one.name for one in installed_plugins()]
