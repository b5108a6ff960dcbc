"""The versions of what is installed, without reading package metadata: that alone would cost five bare starts."""

import os
import sys

from firn_runtime import __version__
from firn_schemas.artifact_format import FORMAT
from firn_schemas.base import Json

COMPILER = "firn_compiler-"


def versions() -> list[tuple[str, str]]:
    """Return (name, version) of the runtime, the compiler and the artifact format."""
    return [("firn-runtime", __version__), ("firn-compiler", compiler_version() or "not installed"), ("format", FORMAT)]


def compiler_version() -> str | None:
    """Return the version of the installed compiler, from the name of its metadata folder; None where there is none."""
    for folder in filter(os.path.isdir, sys.path):
        for name in os.listdir(folder):
            if name.startswith(COMPILER) and name.endswith(".dist-info"):
                return name.removeprefix(COMPILER).removesuffix(".dist-info")
    return None


def capabilities() -> dict[str, Json]:
    """Return the formats and features that this runtime supports; an artifact that needs more is refused."""
    from firn_runtime.run import FEATURES

    return {"features": [*sorted(FEATURES)], "formats": [FORMAT], "version": __version__}
