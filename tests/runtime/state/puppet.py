"""Another process that works on the same state, one command at a time; it can be stopped and killed.

As a program it reads its settings and then commands as lines of JSON, and answers each with a line.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firn_runtime.errors import FirnError
from firn_runtime.state import Fence, State, open_state
from firn_schemas.secret import Secret


class Puppet:
    """The process, seen from the test."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process, self.pid = process, process.pid

    def send(self, name: str, *arguments: Any) -> None:
        """Tell it what to do."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Wait for its next answer."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, name: str, *arguments: Any) -> Any:
        """Tell it what to do, and wait until it is done."""
        self.send(name, *arguments)
        return self.answer()


@contextmanager
def puppet(settings: Mapping[str, Any]) -> Iterator[Puppet]:
    """Start another process on the state of `settings`; it is gone at the end."""
    words = [sys.executable, __file__]
    plain = {key: value.reveal() if isinstance(value, Secret) else value for key, value in settings.items()}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            one = Puppet(process)
            assert process.stdin is not None
            process.stdin.write(json.dumps(plain) + "\n")
            process.stdin.flush()
            assert one.answer() == "ready"
            yield one
        finally:
            process.kill()


def acquire(state: State, key: str, ttl: float) -> Any:
    answer = state.acquire(key, {"run": "puppet"}, ttl)
    return answer if isinstance(answer, int) else answer._asdict()


def finish(state: State, name: str, key: str, token: int) -> Any:
    """Record a step under a fence."""
    state.step_finished("shop", "r1", _step(name), [Fence(key, token)])
    return "done"


def finish_many(state: State, first: int) -> Any:
    """Record steps for ever, and say of each that it is recorded once it is."""
    number = first
    while True:
        state.step_started("shop", "r1", _step(f"s{number}"), [], durable=False)
        state.step_finished("shop", "r1", _step(f"s{number}")._replace(status="SUCCESS"), [])
        say(number)
        number += 1


def race(state: State, key: str, times: int, folder: str) -> list[int]:
    """Take the lock `times` times; while it is held nobody else can be in the folder."""
    tokens: list[int] = []
    room = Path(folder) / "room"
    while len(tokens) < times:
        token = state.acquire(key, {}, 60)
        if not isinstance(token, int):
            time.sleep(0.001)
            continue
        room.mkdir()  # fails if the other one is there
        tokens.append(token)
        state.step_finished("shop", "r1", _step(f"t{token}"), [Fence(key, token)])
        room.rmdir()
        state.release(Fence(key, token))
    return tokens


def _step(name: str) -> Any:
    from firn_runtime.state import StepRow

    return StepRow("main", name, "RUNNING", 1, "sha256:2", "2026-01-02T03:04:05")


def say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    if "password" in settings:
        settings["password"] = Secret(settings["password"])
    state = open_state(settings, Path.cwd())
    say("ready")
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = COMMANDS[name](state, *arguments)
        except FirnError as error:
            answer = error.code
        say(answer)


COMMANDS: dict[str, Any] = {"acquire": acquire, "finish": finish, "finish_many": finish_many, "race": race}

if __name__ == "__main__":
    main()
