"""Imports of checked distributions: from the bytes that were checked, and from nowhere else.

No folder is searched and no byte code is read: a module of the same name in the current folder, in `PYTHONPATH` or in a
zip, a stale `__pycache__` and a file that was changed since are never met.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, ModuleType
from typing import Any

from firn_runtime.plugins.installed import refused
from firn_runtime.plugins.verified import Module, Verified


class _Loader(SourceFileLoader):
    """Executes source that was read before; its path only names it, and finds the data beside it."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # as the import calls it
        """Compile the source."""
        code: CodeType = compile(self._source, self.path, "exec", dont_inherit=True)
        return code


class _Finder:
    """Finds the modules of every checked distribution of this process, before anything else is searched."""

    def __init__(self) -> None:
        self.owners: dict[str, Verified] = {}
        """By name at the top level."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None,  # noqa: ARG002  # as the import calls it
        target: ModuleType | None = None,  # noqa: ARG002  # as the import calls it
    ) -> ModuleSpec | None:
        """Return where a module is; None for those that are not a checked distribution's."""
        owner = self.owners.get(name.partition(".")[0])
        if owner is None:
            return None
        if name not in owner.modules:
            raise ModuleNotFoundError(f"No module named {name!r} among the files of {owner.name}", name=name)
        return _spec(name, owner.modules[name])


_FINDER = _Finder()


def _spec(name: str, module: Module) -> ModuleSpec | None:
    file = str(module.file)
    folders = [str(module.file.parent)] if module.package else None
    loader: Any = ExtensionFileLoader(name, file) if module.source is None else _Loader(name, file, module.source)
    return spec_from_file_location(name, file, loader=loader, submodule_search_locations=folders)


def claim(one: Verified) -> None:
    """Let the modules of a distribution be imported; raise ArtifactRefused R111 where their names are taken."""
    for top in sorted(one.tops):
        known = _FINDER.owners.get(top)
        if known is None and (top in sys.stdlib_module_names or top in sys.modules):
            raise refused(one.name, f"its `{top}` was imported before it was checked, or is Python's own", _FRESH)
        if known is not None and known.sha256 != one.sha256:
            raise refused(one.name, f"this process has imported another build of `{top}`", _FRESH)
    _FINDER.owners.update(dict.fromkeys(one.tops, one))
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


_FRESH = "run it in a process of its own, where nothing imports it first"
