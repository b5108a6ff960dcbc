"""Files of a bucket: downloaded into the step's scratch folder and read there; written there and uploaded.

The engine has no network. What becomes visible when is docs/publication.md's.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from firn_runtime.confined_paths import confined
from firn_runtime.connector import ConnectorBase, FileStore, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.credentials.aws_role import AMBIENT, Around, session_name
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.files.paths import local_name, relative
from firn_runtime.connectors.files.scan import relation
from firn_runtime.connectors.http.certificates import trusting
from firn_runtime.connectors.s3.bucket import Bucket, Listed
from firn_runtime.connectors.s3.credentials import key_source
from firn_runtime.connectors.s3.transfer import Moves, download
from firn_runtime.errors import ConnectorError, NoMatch
from firn_runtime.fetching import Allowance, counted
from firn_runtime.patterns import is_pattern, matching
from firn_schemas.connectors.files import S3Config, S3Options
from firn_schemas.credentials import StaticCredentials
from firn_schemas.steps.data import ReadInputs, WriteInputs
from firn_schemas.visible import os_reason

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use

_WILD = "*?["


class S3Files(ConnectorBase[S3Config, S3Options]):
    """The objects of a bucket below a prefix."""

    @property
    def ambient(self) -> Sequence[str]:
        """Name the variables that say which role this machine has; none of them matters to keys that are named."""
        return () if isinstance(self.config.credentials, StaticCredentials) else AMBIENT

    def connect(self) -> None:
        """Fetch no key and ask nothing yet; raise ConnectorError for settings that cannot be right."""
        context = trusting(self.config.ca_file)
        machine = Machine(self.inherited, self.base_dir, self.facts.learn)
        session = session_name(self.facts.flow, self.facts.run)
        keys = key_source(self.config.credentials, Around(machine, self.config.region or "us-east-1", context, session))
        bucket = Bucket(self.config, self.options.timeout, keys, context)
        self.moves = Moves(bucket, self.options.part_size, self.options.max_concurrency)

    def close(self) -> None:
        """Let go of the connections."""
        if hasattr(self, "moves"):
            self.moves.bucket.close()

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in, list what is below the prefix, and look for what is read. Nothing is written to find out."""
        from firn_runtime.connectors.files.remote_probe import probed

        self.connect()
        try:
            yield from probed(f"the bucket `{self.config.bucket}`", self._first, self._matches, uses)
        finally:
            self.close()

    @property
    def prefix(self) -> str:
        """What every key begins with: empty, or ending in `/`."""
        stripped = (self.config.prefix or "").strip("/")
        return f"{stripped}/" if stripped else ""

    @property
    def max_bytes(self) -> int | None:
        """Bytes that one step may fetch."""
        return self.options.max_bytes

    def store(self) -> FileStore:
        """Return the objects below the prefix."""
        from firn_runtime.connectors.s3.store import BucketStore

        return BucketStore(self.moves, self.prefix, conditional=self.options.conditional_writes)

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Download every object that the path matches, and read them as one dataset, in the order of their names."""
        found = self._matches(relative(inputs.path, "read"))
        allowance = Allowance(self.max_bytes)
        for one in found.values():
            allowance.take(one.size)
        folder = context.scratch / "objects"
        shutil.rmtree(folder, ignore_errors=True)
        download(self.moves, found, folder)
        rows = relation(context.session, folder, list(found), inputs, self.options.compression)
        return Rows(rows, sum(one.size for one in found.values()))

    def _first(self) -> None:
        """Ask for the first object below the prefix."""
        next(self.moves.bucket.list(self.prefix, most=1), None)

    def _matches(self, path: str) -> Mapping[str, Listed]:
        """Return what a path matches, by names below the prefix, in their order; raise ConnectorError for nothing."""
        name = confined(path)
        found = self._listed(name) if is_pattern(name) else self._named(name)
        if not found:
            where = f"looked in the bucket `{self.config.bucket}`" + (f" below `{self.prefix}`" if self.prefix else "")
            raise NoMatch(path, where)
        return found

    def _named(self, name: str) -> Mapping[str, Listed]:
        key = f"{self.prefix}{name}"
        head = self.moves.bucket.head(key)
        if head is None:
            self.moves.bucket.refuse_missing(key)
            return {}
        return {name: Listed(key, head.size, head.etag)}

    def _listed(self, pattern: str) -> Mapping[str, Listed]:
        """Leave out what only marks a folder; a key that is no path is refused where it could be meant."""
        begins = pattern[: min(pattern.index(one) for one in _WILD if one in pattern)]
        listed = self.moves.bucket.list(f"{self.prefix}{begins}")
        names = {one.key.removeprefix(self.prefix): one for one in counted(listed) if not one.key.endswith("/")}
        found = matching(pattern, names)
        for name in names.keys() - set(found):
            parts = [part for part in name.split("/") if part not in ("", ".", "..")]
            if len(parts) <= name.count("/") and matching(pattern, ["/".join(parts)]):
                local_name(name)
        return {name: names[name] for name in found}

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Write to the scratch folder and upload: readers see an old object or a new one, never half."""
        from firn_runtime.connectors.s3.publication import MODES, Target

        name = relative(inputs.path, "written")
        target = Target(self.moves, self.prefix, name, self.options.compression, self.options.conditional_writes)
        try:
            return MODES[inputs.mode](inputs, context, target)
        except OSError as error:
            reason = os_reason(error)
            raise ConnectorError("process", f"cannot keep `{inputs.path}` in the workspace: {reason}") from None
