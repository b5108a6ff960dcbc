"""Masks what leaves the process by Python: log records, warnings, unhandled exceptions, standard output and error.

Several guards may be open at the same time, nested or side by side: the secrets of all of them are masked everywhere.
"""

import sys
from _thread import RLock
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from firn_runtime.redaction.output import MaskedText
from firn_runtime.redaction.redactor import Redactor, settled

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

Undo = Callable[[], None]


class _All:
    """Every redactor that guards the process at this moment."""

    def __init__(self) -> None:
        self.redactors: tuple[Redactor, ...] = ()
        self.for_good = False

    def text(self, text: str) -> str:
        """Mask what any of them knows at once: the first alone could leave the rest of another's secret."""
        return settled(text, self.places) if self.redactors else text

    def places(self, text: str) -> list[tuple[int, int]]:
        """Return where in a text any of them finds something; one may guard several blocks at once."""
        return [place for one in set(self.redactors) for place in one.places(text)]


_all = _All()
_lock = RLock()
_undo: list[Undo] = []


@contextmanager
def guard(redactor: Redactor) -> Iterator[None]:
    """Mask the secrets of `redactor` in all that leaves the process, until the end of the block."""
    with _lock:
        if not _all.redactors:
            _install()
        _all.redactors = (*_all.redactors, redactor)
    try:
        yield
    finally:
        if not _all.for_good:
            _leave(redactor)


def guard_for_good() -> None:
    """Let guards last until the process ends, which is Firn's own: threads and `atexit` functions outlive a run."""
    _all.for_good = True


def _leave(redactor: Redactor) -> None:
    with _lock:
        if len(_all.redactors) == 1:
            _uninstall()
        rest = list(_all.redactors)
        rest.remove(redactor)
        _all.redactors = tuple(rest)


def _install() -> None:
    awaited: dict[str, list[Callable[[ModuleType], Undo]]] = {}
    for name, hook in _HOOKS:
        if name in sys.modules:
            _undo.append(hook(sys.modules[name]))
        else:
            awaited.setdefault(name, []).append(hook)
    finder = _Awaited(awaited)
    sys.meta_path.insert(0, finder)
    _undo.append(lambda: sys.meta_path.remove(finder) if finder in (sys.meta_path or ()) else None)


def _uninstall() -> None:
    while _undo:
        _undo.pop()()


def _replaced(module: ModuleType, name: str, new: Any) -> Undo:
    """Put `new` in the place of a module's attribute; the old one comes back unless another took its place."""
    old = getattr(module, name)
    setattr(module, name, new)
    return lambda: setattr(module, name, old) if getattr(module, name) is new else None


def _stream(name: str) -> Callable[[ModuleType], Undo]:
    def hook(module: ModuleType) -> Undo:
        inner = getattr(module, name)
        if inner is None:
            return lambda: None
        masked = MaskedText(inner, _all)
        names = [one for one in (name, f"__{name}__") if getattr(module, one, None) is inner]
        undone = [_replaced(module, one, masked) for one in names]

        def end() -> None:
            with suppress(OSError, ValueError):  # the reader has gone, or the stream was closed
                masked.flush()
            for undo in undone:
                undo()

        return end

    return hook


def _crash(module: ModuleType) -> Undo:
    before = module.excepthook

    def report(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not _all.redactors:
            before(kind, error, trace)
        else:
            _complain("", error, trace)

    return _replaced(module, "excepthook", report)


def _thread_crash(module: ModuleType) -> Undo:
    before = module.excepthook

    def report(given: Any) -> None:
        if not _all.redactors:
            before(given)
        elif given.exc_type is not SystemExit:
            name = given.thread.name if given.thread else "?"
            _complain(f"Exception in thread {name}:\n", given.exc_value, given.exc_traceback)

    return _replaced(module, "excepthook", report)


def _unraisable(module: ModuleType) -> Undo:
    before = module.unraisablehook

    def report(given: Any) -> None:
        if not _all.redactors:
            before(given)
        else:
            _complain(f"{given.err_msg or 'Exception ignored in'}: ", given.exc_value, given.exc_traceback)

    return _replaced(module, "unraisablehook", report)


def _complain(title: str, error: BaseException | None, trace: Any) -> None:
    """Print an exception with its traceback, without the values of any variable."""
    from traceback import format_exception

    text = "".join(format_exception(type(error), error, trace)) if error is not None else "\n"
    if sys.stderr is not None:
        sys.stderr.write(_all.text(title + text))
        sys.stderr.flush()


def _warning(module: ModuleType) -> Undo:
    before = module.showwarning

    def show(message: Any, *place: Any, **more: Any) -> None:
        text = str(message)
        masked = _all.text(text)
        before(message if masked == text else masked, *place, **more)

    return _replaced(module, "showwarning", show)


def _records(_: ModuleType) -> Undo:
    from firn_runtime.redaction.records import masked_records

    return masked_records(_all)


_HOOKS: tuple[tuple[str, Callable[[ModuleType], Undo]], ...] = (
    ("sys", _stream("stdout")),
    ("sys", _stream("stderr")),
    ("sys", _crash),
    ("sys", _unraisable),
    ("threading", _thread_crash),
    ("warnings", _warning),
    ("logging", _records),
)
"""What is hooked, and in which module; one that nobody has imported yet is hooked when somebody does."""


class _Awaited:
    """Hooks a module at the end of its import: to import `logging` at every start would take 7 ms."""

    def __init__(self, hooks: dict[str, list[Callable[[ModuleType], Undo]]]) -> None:
        self._hooks = hooks

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> "ModuleSpec | None":
        """Return the module's own spec with a loader that hooks it; None for every other module."""
        hooks = self._hooks.pop(name, None)
        if hooks is None:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None and spec.loader is not None:
                loader: Any = _Hooking(spec.loader, hooks)
                spec.loader = loader
                return spec
        return None


class _Hooking:
    """Loads as the loader that it stands for, which it then leaves in its own place."""

    def __init__(self, inner: Any, hooks: list[Callable[[ModuleType], Undo]]) -> None:
        self._inner, self._hooks = inner, hooks

    def create_module(self, spec: "ModuleSpec") -> ModuleType | None:
        """Return what the loader makes."""
        module: ModuleType | None = self._inner.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, then hook it."""
        module.__loader__ = self._inner
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        self._inner.exec_module(module)
        with _lock:
            if _all.redactors:
                _undo.extend(hook(module) for hook in self._hooks)
