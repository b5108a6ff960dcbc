"""The failures that end a command, as one small tree, and the failures of a connector, by class.

No message here ever holds a value that came from a secret, and none is a traceback.
"""

from firn_schemas.artifact_format import ErrorClass as ErrorClass


class FirnError(Exception):
    """Ends the command with `exit_code`; `code` has a page in docs/diagnostics."""

    exit_code = 1

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


class UsageError(FirnError):
    """The command was asked for something that does not exist."""

    exit_code = 2


class ArtifactRefused(FirnError):
    """The artifact is not one that this runtime may run."""

    exit_code = 3


class InputsMissing(FirnError):
    """Secrets or environment variables are missing or unusable."""

    exit_code = 4


class StateError(FirnError):
    """The run's state cannot be kept or read."""


class StateMissing(StateError):
    """There is no state yet; said to those who only read it."""


class StateOlder(StateError):
    """The state's schema is one that the next run brings forward; said to those who only read it."""


class LockHeld(FirnError):
    """Somebody else holds a lock that the run needs."""

    exit_code = 5


class LeaseLost(FirnError):
    """A lock that the run held is no longer its own; nothing more may be written under it."""

    exit_code = 5


_NO_THREAD = "can't start new thread"
"""What Python says, as a RuntimeError, where the system lets a process have no more of them."""


def internal(error: BaseException) -> str:
    """Say that Firn or a plug-in is at fault, and where in the source; the error's own text may hold a secret.

    What any line of any program meets, where the system gives it no more, is nobody's fault.
    """
    if isinstance(error, MemoryError):
        return "the system gives this process no more memory: its limit is too low"
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return "the system gives this process no more threads: its limit on processes is too low"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        name = trace.tb_frame.f_code.co_filename.replace("\\", "/").split("/")
        place = f" at {'/'.join(name[-2:])}:{trace.tb_lineno}"
    return f"internal error ({type(error).__name__}{place}); this is a fault of Firn or of a plug-in"


class ConnectorError(Exception):
    """A connector or step could not do its work; the step fails with this message."""

    def __init__(self, error_class: ErrorClass, message: str, help: str = "") -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message
        self.help = help


class NoMatch(ConnectorError):
    """A path matches no file of a place."""

    def __init__(self, path: str, help: str) -> None:
        super().__init__("data", f"no file matches `{path}`", help)


def lacking(message: str, extra: str) -> ConnectorError:
    """Return the error of what needs an extra of the runtime that is not installed."""
    return ConnectorError("process", message, f'pip install "firn-runtime[{extra}]"')
