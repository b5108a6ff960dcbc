"""The engine's SQL types (DuckDB, data types), by every name they have."""

_NAMES = """
array, bignum, bigint, binary, bit, bitstring, blob, bool, boolean, bpchar, bytea, char, character, character varying,
date, datetime, dec, decimal, double, double precision, enum, float, float4, float8, geometry, guid, hugeint, int, int1,
int128, int16, int2, int32, int4, int64, int8, integer, integral, interval, json, list, logical, long, map, numeric,
nvarchar, oid, real, row, short, signed, smallint, string, struct, text, time, time_ns, time with time zone,
time without time zone, timestamp, timestamp_ms, timestamp_ns, timestamp_s, timestamp_us, timestamp with time zone,
timestamp without time zone, timestamptz, timetz, tinyint, ubigint, uhugeint, uint128, uint16, uint32, uint64, uint8,
uinteger, union, usmallint, utinyint, uuid, varbinary, varchar, variant, varint
"""
SQL_TYPES = frozenset(name.strip() for name in _NAMES.split(","))
"""Without what may follow in brackets."""

NESTED = frozenset(["array", "enum", "list", "map", "row", "struct", "union"])
"""Types that are made of others: a column of a `schema` is none of them, for digits would be lost on the way."""

DECIMAL = frozenset(["dec", "decimal", "numeric"])
WIDEST = 38
"""Digits of a decimal."""
