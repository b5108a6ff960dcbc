"""Artifacts for tests, as the compiler spells them."""

from typing import Any

from firn_schemas.artifact_format import FORMAT
from firn_schemas.canonical import digest, file_bytes

PRINT = {"data": "sha256:0", "operation": "sha256:0", "words": "sha256:0"}


def payload(*jobs: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Return a payload with one flow of these jobs."""
    flow = {"version": "1.0.0", "jobs": list(jobs), "resources": parts.pop("names", {}), "fingerprint": PRINT}
    flow |= {"lock": {"key": "flow:flow", "ttl_seconds": 60}, "max_parallel": parts.pop("max_parallel", 1)}
    return {
        "environment": "test",
        "features": [],
        "flows": {"flow": flow},
        "requires": {"connectors": [], "environment": [], "secrets": []},
        "resources": {},
        "security": {"secret_mounts": []},
        "sources": [],
        "workspace": {"root": ".firn/work", "cleanup": "on_success"},
    } | parts


def job(id: str, *steps: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {"id": id, "depends_on": [], "steps": list(steps), "fingerprint": PRINT} | parts


def step(id: str, type: str, **inputs: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "inputs": inputs, "fingerprint": PRINT}


def resource(kind: str, driver: str, config: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"kind": kind, "driver": driver, "config": config, "options": options, "fingerprint": PRINT}


def spelled(body: dict[str, Any]) -> bytes:
    """Return the payload as a file."""
    return file_bytes({"digest": digest(body), "format": FORMAT, "payload": body})
