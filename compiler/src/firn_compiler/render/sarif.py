"""Findings as SARIF 2.1.0 (OASIS Standard), which code scanners and editors read. No source is shown."""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span, has_name

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "codePathMessage/v1"
_LINK = re.compile(r"\[(?=[^\]]*\]\()")


def as_sarif(found: Sequence[Diagnostic], version: str, title: Callable[[str], str]) -> str:
    """Return a log of one run; `title` says what a code means."""
    codes = sorted({one.code for one in found})
    driver = {"name": "firn", "semanticVersion": version, "rules": [_rule(code, title(code)) for code in codes]}
    results = [_result(one, codes.index(one.code)) for one in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(log, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _rule(code: str, title: str) -> dict[str, Any]:
    return {
        "id": code,
        "shortDescription": {"text": title},
        "help": {"text": f"{title}; `firn help {code}` explains it"},
        "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
    }


def _result(one: Diagnostic, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": one.severity,
        "message": _message(one.said),
        "partialFingerprints": {FINGERPRINT: fingerprint(one)},
    }
    if has_name(one.span.file):
        result["locations"] = [_location(one.span)]
    related = [_location(r.span) | {"message": _message(r.message)} for r in one.related if has_name(r.span.file)]
    return result | ({"relatedLocations": related} if related else {})


def fingerprint(one: Diagnostic) -> str:
    """Return what stays the same when lines move: a hash of code, file, path and message."""
    words = "\0".join((one.code, Path(one.span.file).as_posix(), one.path, one.message))
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _message(text: str) -> dict[str, str]:
    """Return a message in which nothing is a link (section 3.11.6): a key of the file could spell one.

    Braces stay as they are, though section 3.11.5 doubles them: no reader that we know halves them where there are no
    arguments, and `{{ env.NAME }}` doubled would teach another language.
    """
    return {"text": _LINK.sub(r"\\[", text)}


def _location(span: Span) -> dict[str, Any]:
    start, end = (span.line, span.column), (span.end_line, span.end_column)
    end = max(start, end)
    region = {"startLine": start[0], "startColumn": start[1], "endLine": end[0], "endColumn": end[1]}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.file)}, "region": region}}


def _uri(file: str) -> str:
    """Return a relative reference where the file is named relatively (section 3.4.3), else a `file` URI."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/")
