"""Looking for secrets in what runs have made, in whatever form the usual libraries would give them."""

import base64
import json
import shlex
import urllib.parse
from collections.abc import Mapping
from pathlib import Path


def encodings(secret: str) -> dict[str, bytes]:
    """Return what a secret looks like in the hands of the usual libraries."""
    content = secret.encode()
    forms: dict[str, bytes] = {
        "itself": content,
        "percent": urllib.parse.quote(secret, safe="").encode(),
        "path": urllib.parse.quote(secret).encode(),
        "form": urllib.parse.quote_plus(secret).encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "json in json": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "json of utf-8": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "python": repr(secret)[1:-1].encode(),
        "python bytes": repr(content)[2:-1].encode(),
        "shell": shlex.quote(secret).encode(),
        "hex": content.hex().encode(),
        "utf-16": secret.encode("utf-16-le"),
    }
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + content)
        forms[f"base64 at {shift}"] = whole[4 if shift else 0 : len(whole) - 4]
    forms |= {f"line {number}": line for number, line in enumerate(content.splitlines()) if len(line) > 8}
    forms["basic"] = base64.b64encode(b"u:" + content)[4:-4]
    return forms


def found_in(made: bytes, canaries: Mapping[str, str]) -> list[str]:
    """Return which secrets can be read in some bytes, and in which form."""
    return [
        f"{name} as {form}"
        for name, secret in canaries.items()
        for form, spelled in encodings(secret).items()
        if spelled in made or spelled.lower() in made.lower()
    ]


def everything(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
