"""How a dataset goes into a table of an attached database: in any order, where nobody has put it in order."""

from pathlib import Path

from firn_runtime.connectors.attached.table import AttachedTable
from firn_runtime.engine import Engine, Limits, Session


class _Planned(AttachedTable):
    """Notes the plan of each statement that it runs."""

    def __init__(self, session: Session, place: tuple[str, str, str], dataset: str) -> None:
        super().__init__(session, place, dataset)
        self.session, self.plan = session, ""

    def change(self, sql: str) -> int:
        self.plan = str(self.session.execute(f"explain {sql}"))
        return super().change(sql)


def _loaded(folder: Path, *, is_read: bool) -> tuple[str, list[tuple[object, ...]]]:
    """Return the plan by which a dataset is loaded, and the rows that arrive."""
    engine = Engine(Limits(), folder / "d.duckdb")
    session = engine.session("main")
    session.execute('create table datasets.main.d as select [range] as "_rows", range as n from range(3)')
    session.execute("create table datasets.main.t (a bigint[], b bigint)")
    session.unordered |= {"d"} if is_read else set()
    table = _Planned(session, ("datasets", "main", "t"), "d")
    assert table.load(table.name, "a, b") == 3
    rows = session.execute(f"from {table.name}")
    engine.close()
    return table.plan, sorted(rows)


def test_what_was_read_is_inserted_in_any_order(tmp_path: Path) -> None:
    plan, rows = _loaded(tmp_path, is_read=True)
    assert "BATCH_INSERT" not in plan
    assert rows == [([0], 0), ([1], 1), ([2], 2)]


def test_what_somebody_has_put_in_order_is_inserted_in_it(tmp_path: Path) -> None:
    plan, rows = _loaded(tmp_path, is_read=False)
    assert "BATCH_INSERT" in plan
    assert rows == [([0], 0), ([1], 1), ([2], 2)]
