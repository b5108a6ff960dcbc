"""What a run has fetched and put elsewhere, as the results of its steps tell it: in which versions, to which places.

What is deleted is compared with the versions, also where a resumed run has lost its workspace: so they are in the
state, a few digits for each file.
"""

from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from firn_runtime.confined_paths import shown
from firn_runtime.errors import ConnectorError
from firn_runtime.step import innermost
from firn_schemas.artifact import Step
from firn_schemas.base import Json
from firn_schemas.connectors import WORKSPACE

_DIGITS = 8
"""Of 64 values each: of so many, no two are the same by chance."""
UNSURE = "." * _DIGITS
"""Stands for a version where the file may be another than the one of which rows were published."""

Versions = dict[str, str]
"""Digests of versions, by digests of names."""


def digest(text: str) -> str:
    """Return what stands for a name or a version."""
    return urlsafe_b64encode(sha256(text.encode(errors="surrogatepass")).digest())[:_DIGITS].decode()


def spelled(versions: Versions) -> str:
    """Return versions as a result of a step."""
    return "".join(name + version for name, version in versions.items())


def told(result: Json) -> Versions:
    """Return the versions that a step's result spells; none where there is none."""
    text = result if isinstance(result, str) else ""
    pieces = [text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS)]
    return dict(zip(pieces[::2], pieces[1::2], strict=False))


def fetched_again(before: Versions, now: Versions) -> Versions:
    """Return the versions of what was fetched, UNSURE where a file was not fetched before, or in another version.

    Nobody knows then whether this one was published. Where nothing was fetched before, all are sure.
    """
    if not before:
        return now
    return {name: now[name] if name in now and before.get(name) == now[name] else UNSURE for name in before | now}


class Fetched:
    """What the steps of one run have fetched and put; they may tell of it from several threads.

    A step is `JOB.STEP` here.
    """

    def __init__(self, systems: Mapping[str, str]) -> None:
        """`systems` says what each resource is: two may be one."""
        self._systems = systems
        self._versions: dict[str, Versions] = {}
        """By system."""
        self._places: dict[tuple[str, str], str] = {}
        """By system and name of a file: which step puts it there."""
        self._done: set[str] = set()
        """Steps that have put all of theirs."""
        self._lock = Lock()

    def of(self, resource: str) -> Mapping[str, str]:
        """Return in which versions files of a resource were fetched, unless the run has put others there since."""
        return self._versions.setdefault(self._system(resource), {})

    def claim(self, name: str, resource: str, places: Collection[str], files: Path) -> None:
        """Keep places of a resource for a step; raise ConnectorError where another one puts a file to one of them.

        In `files`, the run's own folder, a place is free once the other step is done and the file has been removed.
        """
        system, own = self._system(resource), resource == WORKSPACE[1]
        with self._lock:
            for place in places:
                other = self._places.get((system, place), name)
                if other != name and not (own and other in self._done and not (files / place).exists()):
                    message = (
                        f"`{shown(place)}` is where `{other}` puts a file too: one would take the place of the other"
                    )
                    raise ConnectorError("data", message, "give each step a folder of its own")
            self._places.update(((system, place), name) for place in places)

    def learn(self, name: str, step: Step, results: Mapping[str, Any]) -> None:
        """Hear of a step that is done; steps are told in the order in which they are done."""
        type, inputs = innermost(step.type, step.inputs)
        if type not in ("download", "upload"):
            return
        system, files = self._system(inputs["resource"]), results.get("files", ())
        if type == "download":
            self._versions.setdefault(system, {}).update(told(results.get("versions")))
            system = self._system(WORKSPACE[1])
        else:
            for file in files:
                self._versions.get(system, {}).pop(digest(file), None)
        with self._lock:
            self._places.update(((system, file), name) for file in files)
            self._done.add(name)

    def _system(self, resource: str) -> str:
        return self._systems.get(resource, resource)  # the run's folder need not be among them
