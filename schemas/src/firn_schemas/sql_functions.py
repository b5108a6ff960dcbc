"""What a query of a flow may call in FROM: the compiler says it first, and the runtime holds it."""

TABLE_FUNCTIONS = frozenset(
    ["generate_series", "generate_subscripts", "json_each", "json_tree", "range", "repeat", "unnest"]
)
"""Table functions of DuckDB that compute, and open nothing."""
