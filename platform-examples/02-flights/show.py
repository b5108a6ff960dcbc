"""Print what the local run published."""

import duckdb

connection = duckdb.connect("out/flights.duckdb", read_only=True)
print("\nDeparture delay by weather (out/flights.duckdb)\n")
connection.sql("from punctuality.weather_delays").show()
print("The busiest routes (out/routes.parquet)\n")
connection.sql("from 'out/routes.parquet' limit 5").show()
