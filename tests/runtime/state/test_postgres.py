"""State in PostgreSQL: what happens to servers and networks, and who may do what."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from firn_runtime.errors import FirnError, StateError
from firn_runtime.state import Fence, Lease, LockRow, State, open_state
from firn_runtime.state.machine import Clocks, this_process
from firn_runtime.state.postgres import ONE_AT_A_TIME, PostgresDatabase, arguments
from firn_runtime.state.schema import KNOWN
from firn_schemas.secret import Secret
from runtime.state.conftest import Settings, postgres_settings
from runtime.state.puppet import puppet
from runtime.state.rows import job, run, step, taken
from servers import postgres
from servers.front import Front, certificate, front


@pytest.fixture
def settings() -> Settings:
    return postgres_settings()


@pytest.fixture
def network(settings: Settings) -> Iterator[Front]:
    """A network before the server that can be told to break."""
    with front(settings["host"], settings["port"]) as one:
        settings["port"] = one.port
        yield one


def opened(settings: Settings, **options: Any) -> State:
    return State(PostgresDatabase(settings, **options), this_process(), Clocks())


def administered(settings: Settings, statement: str, *names: str) -> list[Any]:
    """Run a statement in the state's database as its superuser."""
    with postgres.connected(postgres.server(), settings["database"]) as connection:
        cursor = connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        return cursor.fetchall() if cursor.description else []


def refused(settings: Settings) -> FirnError:
    """Open a state that cannot be opened; the error holds no value of its settings."""
    with pytest.raises(StateError) as caught:
        open_state(settings, Path.cwd())
    told = "".join(traceback.format_exception(caught.value)) + caught.value.message + caught.value.help
    for value in (settings["password"].reveal(), settings["user"], settings["database"]):
        assert value not in told
    assert caught.value.code == "R401"
    assert caught.value.exit_code == 1
    return caught.value


def test_a_wrong_password_is_refused_in_a_sentence(settings: Settings) -> None:
    error = refused(settings | {"password": Secret("canary-5f0d31c2")})
    assert error.message == "cannot keep the state in PostgreSQL: the server refused the credentials"
    assert error.help == "look at `state.user` and `state.password`"


def test_a_missing_password_is_taken_from_nowhere_else(settings: Settings, tmp_path: Path) -> None:
    secret = settings.pop("password").reveal()
    passfile = tmp_path / ".pgpass"
    passfile.write_text(f"*:*:*:*:{secret}\n")
    passfile.chmod(0o600)
    script = (
        "import sys, json, pathlib; from firn_runtime.state import open_state;"
        "open_state(json.loads(sys.argv[1]), pathlib.Path.cwd())"
    )
    words = [sys.executable, "-c", script, json.dumps(settings)]
    environ = os.environ | {"PGPASSWORD": secret, "PGPASSFILE": str(passfile), "HOME": str(tmp_path)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True)
    assert "StateError: cannot keep the state in PostgreSQL: the server asks for a password" in done.stderr


def test_a_missing_driver_is_named_with_the_way_to_get_it() -> None:
    script = """
import pathlib, sys
sys.modules["psycopg"] = None  # as where it is not installed
from firn_runtime.state import open_state
try:
    open_state({"backend": "postgres"}, pathlib.Path.cwd())
except Exception as error:
    print(error.code, error.help)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == 'R401 pip install "firn-runtime[postgres]"\n'


def test_a_missing_database_is_named_as_what_it_is(settings: Settings) -> None:
    error = refused(settings | {"database": "canary_nothing"})
    assert error.message == "cannot keep the state in PostgreSQL: there is no such database"


def test_a_server_that_is_not_there_is_an_error(settings: Settings) -> None:
    error = refused(settings | {"port": 1})
    assert error.message == "cannot keep the state in PostgreSQL: nothing listens there"
    error = refused(settings | {"host": "canary.invalid", "sslmode": "disable"})
    assert error.message == "cannot keep the state in PostgreSQL: the server's name is not known"
    assert "canary" not in error.message + error.help


def test_a_state_of_a_later_version_is_refused(settings: Settings) -> None:
    open_state(settings, Path.cwd()).close()
    administered(settings, "insert into firn.firn_migrations values (99, '9.1.0', 0)")
    with pytest.raises(StateError, match="the state has schema 99, made by firn-runtime 9") as caught:
        open_state(settings, Path.cwd())
    assert (caught.value.code, "another `state.schema`" in caught.value.help) == ("R402", True)


def test_tables_that_hold_something_else_are_damaged(settings: Settings) -> None:
    state = open_state(settings, Path.cwd())
    state.begin(run(), [])
    administered(settings, "update firn.firn_runs set plan = 'canary'")
    with pytest.raises(StateError, match="the state's tables in PostgreSQL are damaged: a value is no JSON") as caught:
        state.runs()
    assert (caught.value.code, "canary" in "".join(traceback.format_exception(caught.value))) == ("R403", False)
    administered(settings, "drop table firn.firn_steps")
    with pytest.raises(StateError, match="the tables are not those that this runtime made"):
        state.steps("shop", "r1")
    state.close()


@pytest.mark.parametrize("schema", [None, "ops", 'Odd "name" with % and ?'])
def test_tables_lie_in_the_named_schema(settings: Settings, schema: str | None) -> None:
    state = open_state(settings | {"schema": schema}, Path.cwd())
    state.begin(run(), [taken(state)])
    assert state.last("shop") == "r1"
    state.close()
    found = administered(settings, "select distinct schemaname from pg_tables where tablename like 'firn%'")
    assert found == [(schema or "public",)]


def test_pods_that_start_together_make_the_tables_once(settings: Settings) -> None:
    states: list[State] = []
    threads = [threading.Thread(target=lambda: states.append(open_state(settings, Path.cwd()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(states) == 6
    assert administered(settings, "select version from firn.firn_migrations") == [(one,) for one in range(1, KNOWN + 1)]
    for state in states:
        state.close()


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
@pytest.mark.parametrize("schema", [None, "ops", "made"])
def test_pods_that_all_found_no_tables_make_them_one_after_the_other(
    settings: Settings, schema: str | None, isolation: str
) -> None:
    """Each has asked for the tables before it waits; none goes by that answer when its turn has come."""
    administered(settings, "create schema made")
    administered(
        settings, f"alter database {{}} set default_transaction_isolation = '{isolation}'", settings["database"]
    )
    states: list[State] = []
    asked = settings | {"schema": schema}
    threads = [threading.Thread(target=lambda: states.append(open_state(asked, Path.cwd()))) for _ in range(3)]
    with postgres.connected(postgres.server(), settings["database"]) as first, first.transaction():
        first.execute(ONE_AT_A_TIME)
        for thread in threads:
            thread.start()
        for _ in range(3000):
            if administered(settings, "select count(*) from pg_locks where not granted") == [(3,)]:
                break
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert len(states) == 3
    for state in states:
        assert state.last("shop") is None
        state.close()


def test_the_privileges_that_the_manual_lists_are_enough(settings: Settings) -> None:
    """The statements of docs/state.md, run as they stand."""
    manual = (Path(__file__).parents[3] / "docs/state.md").read_text()
    statements = manual.partition("```sql\n")[2].partition("```")[0]
    user = f"firn_{secrets.token_hex(4)}"
    for statement in statements.split(";")[:-1]:
        line = statement.replace("DATABASE firn", f"DATABASE {settings['database']}").replace("firn_state", user)
        administered(settings, line.replace("'…'", "'let-me-in'"))
    own = settings | {"user": user, "password": Secret("let-me-in")}
    state = open_state(own, Path.cwd())
    fence = taken(state)
    state.begin(run(), [fence])
    state.step_finished("shop", "r1", step(), [fence])
    state.release(fence)
    assert state.locks() == []
    state.close()
    with pytest.raises(StateError, match="the user lacks a privilege"):
        open_state(own | {"schema": "another"}, Path.cwd())


def test_a_server_that_stops_in_the_middle_is_waited_for(settings: Settings) -> None:
    server = postgres.server()
    state = open_state(settings, Path.cwd())
    fence = taken(state)
    postgres.stop(server)
    restart = threading.Timer(0.7, postgres.start, [server])
    restart.start()
    state.begin(run(), [fence])
    restart.join()
    postgres.stop(server)
    restart = threading.Timer(0.7, postgres.start, [server])
    restart.start()
    assert state.find("shop", "r1") == run()
    restart.join()
    state.close()


def test_a_server_that_stays_away_is_an_error_and_the_lease_is_lost(settings: Settings) -> None:
    server = postgres.server()
    state = opened(settings, pauses=(0.05, 0.05))
    lost = threading.Event()
    try:
        with Lease(state, "k", {}, 0.5, on_lost=lost.set) as lease:
            postgres.stop(server)
            with pytest.raises(StateError, match="nothing listens there"):
                state.begin(run(), [lease.fence])
            assert lost.wait(30)
            with pytest.raises(FirnError, match="could not be renewed"):
                lease.check()
    finally:
        postgres.start(server)
    assert state.runs() == []
    state.close()


def test_a_server_that_stands_still_is_given_up_and_what_it_was_asked_is_done_when_it_goes_on(
    settings: Settings,
) -> None:
    """Its machine still takes what is sent: nothing but patience tells it from one that works."""
    settings["connect_timeout"] = 2
    state = opened(settings, pauses=(), patience=0.5)
    fence = taken(state)
    with postgres.standing_still(postgres.server()):
        for act in (lambda: state.begin(run(), [fence]), lambda: state.begin(run(), [fence]), state.runs):
            with pytest.raises(StateError, match="the server does not answer") as caught:
                act()
            assert (caught.value.code, caught.value.exit_code) == ("R401", 1)
        with pytest.raises(StateError, match="the server does not answer"):
            opened(settings)
    state.begin(run(), [fence])
    assert state.find("shop", "r1") == run()
    state.close()


def test_a_server_that_stands_still_after_the_login_does_not_keep_a_state_from_being_opened(
    settings: Settings, network: Front
) -> None:
    network.fall_silent(b"to_regclass")
    with pytest.raises(StateError, match="the server does not answer"):
        opened(settings, pauses=(), patience=0.5)


def test_a_session_keeps_nothing_between_two_transactions(settings: Settings) -> None:
    """As behind a pooler: every transaction meets another session."""
    state = open_state(settings, Path.cwd())
    end = (
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
        " where datname = current_database() and application_name = 'firn state'"
    )
    kept = (
        "select (select count(*) from pg_locks where locktype = 'advisory'), (select count(*) from pg_prepared_xacts)"
    )
    fence = taken(state)
    for act in (
        lambda: state.begin(run(), [fence]),
        lambda: state.step_started("shop", "r1", step(), [fence], durable=False),
        lambda: state.step_finished("shop", "r1", step(status="SUCCESS"), [fence]),
        lambda: state.job_finished("shop", "r1", job(), [fence]),
        lambda: state.steps("shop", "r1"),
        lambda: state.release(fence),
    ):
        assert administered(settings, kept) == [(0, 0)]
        assert administered(settings, end) == [(True,)]
        act()
    assert state.acquire(fence.key, {}, 60) == 2
    assert state.steps("shop", "r1") == [step(status="SUCCESS")]
    state.close()


def test_a_commit_whose_answer_was_lost_counts_once(settings: Settings, network: Front) -> None:
    state = open_state(settings, Path.cwd())

    def cut_off(act: Any) -> Any:
        before = network.connections
        network.cut.append(b"COMMIT")
        answer = act()
        assert network.connections == before + 1
        return answer

    assert cut_off(lambda: state.acquire("k", {"run": "r1"}, 60)) == 1
    cut_off(lambda: state.begin(run(), []))
    cut_off(lambda: state.resume("shop", "r1", "sha256:new", {}, []))
    cut_off(lambda: state.step_finished("shop", "r1", step(), []))
    broken = cut_off(lambda: state.break_lock(Fence("k", 1)))
    assert isinstance(broken, LockRow)
    assert broken.owner["run"] == "r1"
    found = state.find("shop", "r1")
    assert found is not None
    assert (found.resumed, state.steps("shop", "r1"), state.acquire("k", {}, 60)) == (1, [step()], 2)
    state.close()


def test_what_was_cut_off_before_its_commit_is_done_again(settings: Settings, network: Front) -> None:
    state = open_state(settings, Path.cwd())
    network.cut += [b"INSERT", b"BEGIN"]
    state.begin(run(), [])
    assert (state.find("shop", "r1"), network.connections) == (run(), 3)
    state.close()


def test_what_was_said_to_be_finished_is_there_after_any_kill(settings: Settings) -> None:
    state = open_state(settings, Path.cwd())
    for first in range(1000, 1200, 25):
        with puppet(settings) as other:
            other.send("finish_many", first)
            for number in range(first, first + first // 50 - 15):
                assert other.answer() == number
            os.kill(other.pid, signal.SIGKILL)
        found = {one.step for one in state.steps("shop", "r1") if one.status == "SUCCESS"}
        assert found >= {f"s{number}" for number in range(first, first + first // 50 - 15)}
    state.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made by `openssl`")
def test_the_servers_certificate_is_verified(settings: Settings, tmp_path: Path) -> None:
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
    ours, theirs = certificate(tmp_path / "ours"), certificate(tmp_path / "theirs")
    with front(settings["host"], settings["port"], ours) as tls:
        safe = settings | {"port": tls.port, "host": "localhost", "sslmode": "verify-full"}
        state = open_state(safe | {"sslrootcert": ours.authority.name}, ours.authority.parent)
        state.begin(run(), [])
        state.close()
        cases = {
            "the server's certificate is not from an authority that is trusted": {"sslrootcert": str(theirs.authority)},
            "the server's certificate is for another name": {
                "host": "127.0.0.1",
                "sslrootcert": str(ours.authority),
            },
            "the file of trusted authorities cannot be read": {"sslrootcert": str(tmp_path / "nothing.pem")},
        }
        for reason, wrong in cases.items():
            assert refused(safe | wrong).message == f"cannot keep the state in PostgreSQL: {reason}"
        untold = refused(safe)  # the system's authorities do not know ours
        assert untold.help == "name the file of its authority in `state.sslrootcert`"


def test_a_server_without_tls_is_refused_where_tls_is_asked_for(settings: Settings) -> None:
    for mode in ("require", "verify-full"):
        error = refused(settings | {"sslmode": mode})
        assert (
            error.message == "cannot keep the state in PostgreSQL: the server speaks no TLS, and `sslmode` asks for it"
        )


@pytest.mark.parametrize(
    ("host", "mode"),
    [
        ("localhost", "disable"),
        ("127.0.0.1", "disable"),
        ("::1", "disable"),
        ("/run/postgresql", "disable"),
        ("db.example.com", "verify-full"),
        ("10.0.0.7", "verify-full"),
        ("localhost.example.com", "verify-full"),
    ],
)
def test_tls_is_verified_unless_the_server_is_on_this_machine(host: str, mode: str) -> None:
    found = arguments({"host": host, "database": "d", "user": "u"})
    assert found["sslmode"] == mode
    assert bool(found["sslrootcert"]) == (mode == "verify-full")


def test_a_socket_of_this_machine_is_a_host(settings: Settings) -> None:
    state = open_state(settings | {"host": postgres.server().socket_dir}, Path.cwd())
    state.begin(run(), [])
    state.close()
