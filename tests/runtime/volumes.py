"""Folders of secrets as Kubernetes keeps them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from firn_schemas.artifact import RequiredSecret

CANARY = "c4n4ry-value"


def wanted(ref: str, key: str | None = None) -> RequiredSecret:
    variable = (ref if key is None else f"{ref}_{key}").upper().replace("-", "_")
    return RequiredSecret(ref=ref, key=key, variable=variable, used_by=["resources.x.config.token"])


def publish(volume: Path, content: Mapping[str, str]) -> None:
    """Write or replace the content of a volume, as the kubelet does: a new folder, `..data` renamed, the old one gone.

    A name may be a path, as with `items`; the volume then holds a link to its first part.
    """
    volume.mkdir(parents=True, exist_ok=True)
    old = volume / "..data"
    before = os.readlink(old) if old.is_symlink() else None
    number = int(before.removeprefix("..")) + 1 if before else 1
    for name, text in content.items():
        file = volume / f"..{number}" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (volume / "..data_tmp").symlink_to(f"..{number}")
    os.rename(volume / "..data_tmp", old)
    for name in {name.partition("/")[0] for name in content}:
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")
    if before:
        shutil.rmtree(volume / before)
