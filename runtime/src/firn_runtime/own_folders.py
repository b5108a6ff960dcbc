"""The folders in which the interpreter keeps its own modules, whatever the current folder and variables say."""

import os
import sys


def packages() -> list[str]:
    """Return the folders of installed packages: neither the user's own, nor those of `PYTHONPATH`."""
    import site

    return [folder for folder in site.getsitepackages() if os.path.isdir(folder)]


def own() -> list[str]:
    """Return all: the standard library's, then those of packages."""
    home = os.path.dirname(os.__file__)  # `os` is frozen into the interpreter
    zipped = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return [os.path.join(os.path.dirname(home), zipped), home, os.path.join(home, "lib-dynload"), *packages()]


def isolate(mode: str | None) -> None:
    """In `enterprise`, take every other folder out of `sys.path`, for good: for a process that is Firn's alone."""
    if mode != "enterprise":
        return
    known = {os.path.realpath(folder) for folder in own()}
    sys.path[:] = [folder for folder in sys.path if folder and os.path.realpath(folder) in known]
