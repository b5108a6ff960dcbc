"""Guards of the process: whatever a library logs, prints or raises, no secret leaves by Python; and all is put back."""

import io
import logging
import os
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from firn_runtime.redaction.output import MaskedText
from firn_runtime.redaction.process import guard
from firn_runtime.redaction.redactor import Redactor
from firn_schemas.secret import Secret

CANARY = "c4n4ryTokenZ8qW3xN5vB7"
OTHER = "0th3rCanary-Qp7Lk2Jd9"


def masking(*values: str) -> Redactor:
    redactor = Redactor()
    for value in values:
        redactor.add(Secret(value))
    return redactor


class _Collecting(logging.Handler):
    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self.emit = records.append  # type: ignore[assignment]  # the shortest handler there is


@contextmanager
def listening() -> Iterator[list[logging.LogRecord]]:
    """Collect what a library logs."""
    records: list[logging.LogRecord] = []
    handler = _Collecting(records)
    logger = logging.getLogger("library")
    logger.addHandler(handler)
    try:
        yield records
    finally:
        logger.removeHandler(handler)


def python(program: str, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program that holds the canary, in a process of its own."""
    head = f"""
        import sys
        from firn_runtime.redaction.process import guard, guard_for_good
        from firn_runtime.redaction.redactor import Redactor
        from firn_schemas.secret import Secret
        CANARY = {CANARY!r}
        redactor = Redactor()
        redactor.add(Secret(CANARY))
    """
    text = textwrap.dedent(head) + textwrap.dedent(program)
    environ = os.environ | {"PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", text]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, env=environ, check=False)


def test_a_record_is_masked_whoever_takes_it() -> None:
    class Request:
        def __repr__(self) -> str:
            return f"<Request {CANARY}>"

    with listening() as records, guard(masking(CANARY)):
        log = logging.getLogger("library")
        log.warning(
            "sent %s to %r", CANARY, Request(), extra={"url": f"https://x/{CANARY}", "request": Request(), "n": 3}
        )
        log.warning("%d is no number: %s", CANARY, "x")
        log.warning({"message": CANARY})
    shown = [str({name: getattr(record, name) for name in vars(record)}) for record in records]
    assert [record.getMessage() for record in records] == [
        "sent *** to <Request ***>",
        "%d is no number: %s (its arguments do not fit it)",
        "{'message': '***'}",
    ]
    assert vars(records[0])["n"] == 3
    assert CANARY not in "".join(shown)


def test_a_record_holds_a_masked_traceback_and_no_exception() -> None:
    with listening() as records, guard(masking(CANARY)):
        try:
            raise ValueError(f"cannot log in with {CANARY}")
        except ValueError:
            logging.getLogger("library").exception("failed", stack_info=True)
    text = logging.Formatter("%(message)s").format(records[0])
    assert "ValueError: cannot log in with ***" in text
    assert "Stack (most recent call last)" in text
    assert records[0].exc_info is None
    assert CANARY not in text


def test_a_record_goes_through_a_queue() -> None:
    import copy
    import pickle

    with listening() as records, guard(masking(CANARY)):
        logging.getLogger("library").warning("token %s", CANARY, extra={"token": CANARY})
    there = pickle.loads(pickle.dumps(copy.copy(records[0])))
    assert (there.getMessage(), there.token) == ("token ***", "***")


def test_logging_that_is_imported_later_is_masked_too() -> None:
    answer = python(
        """
        with guard(redactor):
            assert "logging" not in sys.modules, "the guard must not import it"
            import logging, logging.handlers
            assert type(logging.__spec__.loader).__name__ == "SourceFileLoader"
            records = []
            handler = logging.Handler()
            handler.emit = records.append
            logging.getLogger().addHandler(handler)
            logging.warning("token %s", CANARY)
        assert records[0].getMessage() == "token ***"
        logging.warning("after %s", CANARY)
        assert records[1].getMessage() == "after " + CANARY
        assert not any("redaction" in type(one).__module__ for one in sys.meta_path)
        """
    )
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(
    "program",
    [
        "raise RuntimeError(CANARY)",
        "raise RuntimeError('a') from KeyError(CANARY)",
        "import threading; t = threading.Thread(target=lambda: [].index(CANARY)); t.start(); t.join()",
        "import threading; t = threading.Thread(name=CANARY, target=lambda: 1 / 0); t.start(); t.join()",
        "class A:\n  def __del__(self): raise RuntimeError(CANARY)\nA()",
        "import warnings; warnings.warn(CANARY)",
        "import warnings; warnings.warn_explicit(UserWarning(CANARY), None, CANARY, 1)",
        "import logging; logging.error('x %s', CANARY)",
        "import logging, warnings; logging.basicConfig(); logging.captureWarnings(True); warnings.warn(CANARY)",
        "print(CANARY)",
        "print(CANARY, file=sys.stderr)",
        "print(*CANARY)",
        "sys.__stdout__.write(CANARY); sys.__stderr__.write(CANARY)",
        "sys.__stderr__.buffer.write(CANARY.encode()); sys.__stderr__.buffer.flush()",
        "sys.stdout.write('a ' + CANARY[:9]); sys.stdout.write(CANARY[9:])",
        "sys.stderr.write('a ' + CANARY[:9]); sys.stderr.write(CANARY[9:])",
        "sys.stdout.buffer.write(CANARY.encode()); sys.stdout.buffer.flush()",
        "import io; sys.stdout.buffer.write(memoryview(CANARY.encode()))",
        "sys.stdout.writelines([CANARY, '\\n'])",
        "import click; click.echo(CANARY); click.echo(CANARY.encode()); click.echo(CANARY, err=True)",
        "from rich.console import Console; Console().print(CANARY)",
        "import traceback\ntry: raise KeyError(CANARY)\nexcept KeyError: traceback.print_exc()",
        "sys.exit(CANARY)",
        "import pprint; pprint.pprint({'p': CANARY})",
        "print(input('token ' + CANARY))",
    ],
)
def test_no_way_out_shows_the_secret(program: str) -> None:
    open_ = python(program, stdin="x\n")
    assert CANARY in (open_.stdout + open_.stderr).replace(" ", ""), "the program must show it when nothing guards"
    text = "redaction = guard(redactor); redaction.__enter__()\n" + program
    masked = python(text, stdin="x\n")
    assert masked.returncode == open_.returncode
    shown = masked.stdout + masked.stderr
    assert CANARY not in shown.replace(" ", "")
    assert "***" in shown


@pytest.mark.parametrize(
    "program",
    [
        "import atexit; atexit.register(print, CANARY)",
        "import atexit; atexit.register(lambda: [].index(CANARY))",
        "import threading, time\n"
        "def late(): time.sleep(0.2); print(CANARY); raise RuntimeError(CANARY)\n"
        "threading.Thread(target=late).start()",
        "import atexit, logging; atexit.register(logging.error, CANARY)",
    ],
)
def test_a_guard_for_good_masks_what_comes_after_its_block(program: str) -> None:
    indented = program.replace("\n", "\n    ")
    open_ = python(f"with guard(redactor):\n    {indented}")
    assert CANARY in open_.stdout + open_.stderr
    masked = python(f"guard_for_good()\nwith guard(redactor):\n    {indented}\nprint('the end')")
    assert CANARY not in masked.stdout + masked.stderr
    assert "***" in masked.stdout + masked.stderr
    assert "the end" in masked.stdout


def test_a_traceback_has_its_lines_and_no_values() -> None:
    answer = python("def connect(password):\n  raise RuntimeError('x')\nwith guard(redactor): connect(CANARY)")
    assert answer.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert "in connect" in answer.stderr
    assert answer.stderr.splitlines()[-1] == "RuntimeError: x"
    inside = python("redaction = guard(redactor); redaction.__enter__()\nraise RuntimeError('x')")
    assert inside.stderr.splitlines()[-1] == "RuntimeError: x"


def test_everything_is_put_back() -> None:
    def hooks() -> list[object]:
        return [
            sys.stdout, sys.stderr, sys.excepthook, sys.unraisablehook, threading.excepthook,
            warnings.showwarning, logging.getLogRecordFactory(), list(sys.meta_path),
        ]  # fmt: skip

    before = hooks()
    with guard(masking(CANARY)):
        assert all(one is not other for one, other in zip(hooks(), before, strict=True))
    assert hooks() == before
    with pytest.raises(KeyError), guard(masking(CANARY)):
        raise KeyError
    assert hooks() == before


def test_what_another_put_in_our_place_stays(capsys: pytest.CaptureFixture[str]) -> None:
    before, theirs = sys.stdout, io.StringIO()
    opened = guard(masking(CANARY))
    opened.__enter__()
    ours, sys.stdout = sys.stdout, theirs
    opened.__exit__(None, None, None)
    assert sys.stdout is theirs
    sys.stdout = before
    print(f"kept {CANARY}", file=ours, flush=True)
    assert capsys.readouterr().out == f"kept {CANARY}\n"


def test_guards_inside_of_each_other_mask_the_secrets_of_both(capsys: pytest.CaptureFixture[str]) -> None:
    with guard(masking(CANARY)):
        with guard(masking(OTHER)):
            print(CANARY, OTHER)
        print(CANARY, OTHER)
    print(CANARY, OTHER)
    assert capsys.readouterr().out.splitlines() == ["*** ***", f"*** {OTHER}", f"{CANARY} {OTHER}"]


def test_the_first_of_two_guards_may_end_first(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = guard(masking(CANARY)), guard(masking(OTHER))
    with listening() as records:
        one.__enter__()
        two.__enter__()
        one.__exit__(None, None, None)
        print(CANARY, OTHER)
        logging.getLogger("library").warning("%s %s", CANARY, OTHER)
        two.__exit__(None, None, None)
    assert capsys.readouterr().out == f"{CANARY} ***\n"
    assert records[0].getMessage() == f"{CANARY} ***"


def test_the_same_redactor_may_guard_twice(capsys: pytest.CaptureFixture[str]) -> None:
    redactor = masking(CANARY)
    with guard(redactor):
        with guard(redactor):
            pass
        print(CANARY)
    assert capsys.readouterr().out == "***\n"


def test_runs_side_by_side_each_keep_their_guard(capsys: pytest.CaptureFixture[str]) -> None:
    start, values = threading.Barrier(8), [f"{CANARY}-{n}-{CANARY[::-1]}" for n in range(8)]

    def run(value: str) -> None:
        start.wait()
        for _ in range(20):
            with guard(masking(value)):
                sys.stdout.write(f"value {value}\n")

    threads = [threading.Thread(target=run, args=[value]) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 160
    assert set(lines) == {"value ***"}


def test_a_secret_that_is_added_during_the_run_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    redactor = Redactor()
    with guard(redactor):
        print("before", CANARY)
        redactor.add(Secret(CANARY))
        print("after", CANARY)
    assert capsys.readouterr().out == f"before {CANARY}\nafter ***\n"


def test_the_stream_looks_like_the_one_below() -> None:
    below = io.BytesIO()
    inner = io.TextIOWrapper(below, encoding="utf-8")
    masked = MaskedText(inner, masking(CANARY))
    assert (masked.encoding, masked.isatty(), masked.errors, masked.writable()) == ("utf-8", False, "strict", True)
    assert masked.write(f"a {CANARY} ") == len(CANARY) + 3
    assert below.getvalue() == b""
    masked.flush()
    assert below.getvalue() == b"a *** "
    with pytest.raises(TypeError):
        masked.write(b"a")  # type: ignore[arg-type]  # what must be refused
    with pytest.raises(TypeError):
        masked.buffer.write("a")
    assert not hasattr(MaskedText(io.StringIO(), masking(CANARY)), "buffer")


def test_a_process_without_standard_streams_is_guarded_too() -> None:
    assert python("sys.stdout = sys.stderr = None\nwith guard(redactor): print(CANARY)").returncode == 0


def test_nothing_is_imported_for_a_guard_without_secrets() -> None:
    answer = python(
        """
        for name in [one for one in sys.modules if one.startswith("firn_runtime.redaction.")]: del sys.modules[name]
        from firn_runtime.redaction.process import guard
        from firn_runtime.redaction.redactor import Redactor
        with guard(Redactor()): print("x")
        heavy = ["known", "forms", "grams", "records"]
        print([one for one in heavy if f"firn_runtime.redaction.{one}" in sys.modules], "logging" in sys.modules)
        """
    )
    assert answer.stdout == "x\n[] False\n"


@pytest.mark.skipif(sys.platform != "linux", reason="what is asked for is Linux's")
def test_core_dumps_are_off_and_the_process_cannot_be_dumped() -> None:
    program = """
        import ctypes, resource
        from firn_runtime.redaction.core_dumps import no_core_dumps
        PR_GET_DUMPABLE = 3
        print(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE))
        no_core_dumps()
        no_core_dumps()
        print(*resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(PR_GET_DUMPABLE))
    """
    assert python(program).stdout == "1\n0 0 0\n"


def test_core_dumps_are_left_to_a_system_that_cannot_switch_them_off() -> None:
    answer = python(
        """
        sys.modules["resource"] = sys.modules["ctypes"] = None  # as where they were not built
        from firn_runtime.redaction.core_dumps import no_core_dumps
        no_core_dumps()
        """
    )
    assert (answer.returncode, answer.stderr) == (0, "")
