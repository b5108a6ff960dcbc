"""What a step writes, as far as it is known before the run: tables, and files by their names."""

import posixpath
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from firn_compiler.document import Node, Path, Scalar, each_at, text_at
from firn_compiler.model.project import Step
from firn_compiler.stages.lower import lower_node
from firn_schemas.connectors import WORKSPACE


class Where(NamedTuple):
    """One place that a step writes."""

    resource: str
    place: Any
    """As the artifact spells it."""
    node: Node
    """What says it."""
    path: Path


def written(step: Step) -> Iterator[Where]:
    """Yield what a step writes."""
    return _WRITTEN[step.type](step) if step.type in _WRITTEN else iter(())


def _published(step: Step) -> Iterator[Where]:
    name = text_at(step.inputs, "resource")
    for key in ("table", "path"):
        node = step.inputs.entries.get(key)
        if node is not None and name is not None:
            yield Where(name, lower_node(node), node, (*step.inputs_path, key))


def _moved(step: Step, name: str | None, folder: str | None) -> Iterator[Where]:
    """Yield the files that are put below a folder, as far as the step names them: each keeps the last part of it."""
    for path, node in each_at(step.inputs, "files"):
        if isinstance(node, Scalar) and isinstance(node.value, str) and name is not None and folder is not None:
            place = posixpath.join(folder, posixpath.basename(node.value))
            yield Where(name, place, node, (*step.inputs_path, *path))


def _downloaded(step: Step) -> Iterator[Where]:
    return _moved(step, WORKSPACE[1], text_at(step.inputs, "dest_dir"))


def _uploaded(step: Step) -> Iterator[Where]:
    return _moved(step, text_at(step.inputs, "resource"), text_at(step.inputs, "dest_path"))


_WRITTEN: dict[str, Callable[[Step], Iterator[Where]]] = {
    "download": _downloaded,
    "export": _published,
    "upload": _uploaded,
    "write": _published,
}
