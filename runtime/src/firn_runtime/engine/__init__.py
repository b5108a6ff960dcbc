"""The engine: one DuckDB for each run, closed off from the machine, and each job's own view of it.

The only package that imports duckdb.
"""

from firn_runtime.engine.closed import COMPANIONS, Places
from firn_runtime.engine.database import Engine, Limits
from firn_runtime.engine.session import Params, Relation, Session
from firn_runtime.engine.user_sql import select

__all__ = ["COMPANIONS", "Engine", "Limits", "Params", "Places", "Relation", "Session", "select"]
