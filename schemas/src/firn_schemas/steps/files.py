"""Steps that move files: `list_files`, `download`, `upload`, `delete_files`, `archive_create`, `archive_extract`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.steps import StepType

Files = str | list[str]


@record
class ListFilesInputs:
    """Lists files of a resource."""

    resource: str = doc("Where to look.")
    path: str = doc("The folder, below the resource's root.", default="", place=True)
    pattern: str = doc("A glob that names must match.", default="*", examples=["orders-*.csv"])
    recursive: bool = doc("Look into folders too.", default=False)
    min_count: int = doc("Fewer files than this are an error.", default=0, minimum=0)


@record
class DownloadInputs:
    """Fetches files of a resource into the workspace."""

    resource: str = doc("Where the files are.")
    files: Files = doc("The files, below the resource's root.", examples=["{{ steps.list.outputs.files }}"])
    dest_dir: str = doc("Folder of the workspace.", place=True)
    parallelism: int = doc("Files at the same time.", default=4, minimum=1, maximum=64)


@record
class UploadInputs:
    """Puts files of the workspace to a resource."""

    resource: str = doc("Where the files go.")
    files: Files = doc("Files of the workspace.")
    dest_path: str = doc("Folder below the resource's root.", place=True)
    parallelism: int = doc("Files at the same time.", default=4, minimum=1, maximum=64)


@record
class DeleteFilesInputs:
    """Deletes files of a resource."""

    resource: str = doc("Where the files are.")
    files: Files = doc("The files, below the resource's root.")


@record
class ArchiveCreateInputs:
    """Packs files into one archive."""

    resource: str = doc("The archive connector.")
    files: Files = doc("Files of the connector's folder.", inside=True)
    dest_path: str = doc("The archive, a file of that folder.", place=True, inside=True, examples=["export.zip"])
    compression: Literal["stored", "deflate", "gzip", "bzip2", "xz", "zstd"] | None = doc(
        "How it is compressed; absent: by the archive's ending, a ZIP archive with `deflate`.", default=None
    )


@record
class ArchiveExtractInputs:
    """Unpacks archives."""

    resource: str = doc("The archive connector.")
    archives: Files = doc("The archives, files of the connector's folder.", inside=True)
    dest_dir: str = doc("Folder of that folder where the members go.", place=True, inside=True)
    members: list[str] | None = doc("Globs of the members to unpack; absent: all.", default=None, examples=[["*.csv"]])


_MOVED = {"files": "array", "count": "integer"}

ROWS: dict[str, StepType] = {
    "archive_create": StepType(
        inputs=ArchiveCreateInputs, results={"path": "string", "bytes": "integer"}, kind="archive", leaves="path"
    ),
    "archive_extract": StepType(inputs=ArchiveExtractInputs, results=_MOVED, kind="archive", leaves="files"),
    "delete_files": StepType(inputs=DeleteFilesInputs, results={"count": "integer"}, needs="files"),
    "download": StepType(
        inputs=DownloadInputs, results={**_MOVED, "versions": "string"}, needs="files", leaves="files"
    ),
    "list_files": StepType(inputs=ListFilesInputs, results=_MOVED | {"has_data": "boolean"}, needs="files"),
    "upload": StepType(inputs=UploadInputs, results=_MOVED, needs="files"),
}
