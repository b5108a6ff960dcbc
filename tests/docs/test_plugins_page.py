"""The manifest on the page of plug-ins is one, and the flow and platform beside it compile with it."""

import re
from pathlib import Path

import orjson
import pytest

from docs.examples import examples_in
from firn_compiler.assembly import Request
from firn_compiler.pipeline import Compilation, compile_project
from firn_compiler.plugins import Plugin
from firn_compiler.yaml_source import Source
from firn_runtime.artifact_file import load
from firn_runtime.errors import ArtifactRefused
from firn_runtime.run import FEATURES

PAGE = (Path(__file__).parents[2] / "docs/plugins.md").read_text()
(MANIFEST,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
(EXAMPLE,) = examples_in(PAGE.partition("## What is checked")[2].partition("## A connector")[0])
PLUGIN = Plugin("acme-firn-sap", "1.4.2", MANIFEST.encode())


def compiled(old: str = "", new: str = "") -> Compilation:
    flow, platform = (
        Source(name, EXAMPLE.files[name].replace(old, new).encode()) for name in ("flow.yaml", "platform.yaml")
    )
    return compile_project(
        Request((flow,), platform, "", {}, lambda *_: None, lambda *_: None, plugins=lambda _: (PLUGIN,))
    )


def test_the_example_compiles_and_the_artifact_says_what_the_page_says() -> None:
    made = compiled()
    assert made.diagnostics == ()
    assert made.artifact is not None
    payload = orjson.loads(made.artifact)["payload"]
    assert payload["resources"]["erp"]["config"]["client"] == 100
    assert [(one["name"], one["version"]) for one in payload["requires"]["plugins"]] == [("acme-firn-sap", "1.4.2")]
    assert {"connector.erp.sap", "step.sap_extract"} <= {*payload["features"]}
    assert PLUGIN.digest in [one["digest"] for one in payload["sources"] if one["kind"] == "plugin"]
    with pytest.raises(ArtifactRefused, match=r"connector\.erp\.sap"):
        load(made.artifact, FEATURES)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("bapi: BAPI", "bappi: BAPI", "E201"),
        ("{mode: on}", "{mode: off, more: 1}", "E201"),
        ("{secret_ref: sap}", "x", "E601"),
        ("acme-firn-sap", "other", "E707"),
    ],
)
def test_what_it_says_is_checked_is_checked(old: str, new: str, code: str) -> None:
    assert code in [one.code for one in compiled(old, new).diagnostics]
