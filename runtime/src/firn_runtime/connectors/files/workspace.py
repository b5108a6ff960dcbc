"""The run's own folder of files as a resource, which steps call `workspace`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firn_runtime.connectors.files.local import FolderFiles
from firn_schemas.connectors.files import WorkspaceFilesConfig

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use


class WorkspaceFiles(FolderFiles[WorkspaceFilesConfig]):
    """The files of this run alone. The folder is made by the first step that leaves one."""

    shown = "the run's folder of files"

    @property
    def root(self) -> Path:
        """The folder, without symlinks."""
        return Path(os.path.realpath(self.facts.files))

    def connect(self) -> None:
        """Nothing is opened."""

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Say that nothing can be seen before there is a run."""
        from firn_runtime.probing import Seen

        yield Seen("connection", "ok", "every run has a folder of its own, below `workspace.root`")
        for use in uses:
            shown = f"`{use.path}`" if use.path is not None else "the file"
            yield Seen(use.access, "skipped", f"{shown} is one of the run's own files: it is there when the run is")
