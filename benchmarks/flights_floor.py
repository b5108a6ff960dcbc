"""The floor of 02-flights: the same SQL, checks and outputs in bare DuckDB, in one process, without Firn."""

import duckdb

CONNECTION = duckdb.connect()
READS = {
    "flights": "select month, dep_delay, arr_delay, carrier, origin, dest, distance, time_hour"
    " from read_csv('data/flights.csv', nullstr = ['', 'NA'])",
    "weather": "select origin, time_hour, visib, precip, wind_speed"
    " from read_csv('data/weather.csv', nullstr = ['', 'NA'])",
    "airlines": "select * from read_json('data/airlines.json')",
    "airports": "select * from read_json('data/airports.json')",
}
CHECKS = (
    "select count(*) >= 300000 from flights",
    "select count(*) = 0 from flights where carrier is null or origin is null or dest is null or time_hour is null",
    "select count(*) = 0 from flights where origin not in ('EWR', 'JFK', 'LGA')",
    "select count(*) = 0 from flights where month < 1 or month > 12",
    "select count(*) = 0 from flights where carrier not in (select carrier from airlines)",
    "select count(*) = count(distinct faa) from airports",
    "select count(*) > 0 and count(distinct carrier) > 0 from flights",
)
MARTS = {
    "carrier_months": """
        select a.name as airline, f.month, count(*) as flights, count(*) filter (f.dep_delay is null) as cancelled,
            round(avg(f.arr_delay), 2) as mean_arrival_delay, round(avg((f.arr_delay > 15)::int), 4) as share_late
        from flights f join airlines a using (carrier) group by all order by airline, month""",
    "routes": """
        select f.origin, f.dest, p.name as airport, count(*) as flights, round(avg(f.distance)) as miles,
            round(median(f.arr_delay), 2) as median_arrival_delay
        from flights f left join airports p on p.faa = f.dest group by all having count(*) >= 100
        order by flights desc, origin, dest""",
    "weather_delays": """
        select case when w.visib < 3 then 'fog' when w.precip > 0 then 'rain' when w.wind_speed > 20 then 'wind'
            else 'fair' end as conditions, count(*) as flights, round(avg(f.dep_delay), 2) as mean_departure_delay
        from flights f join weather w on w.origin = f.origin and w.time_hour = f.time_hour
        group by all order by mean_departure_delay desc""",
}

for name, sql in (READS | MARTS).items():
    CONNECTION.execute(f"create table {name} as {sql}")
    if name == "airports":
        assert all(CONNECTION.execute(check).fetchall()[0][0] for check in CHECKS)
CONNECTION.execute("copy routes to 'out/floor.parquet' (compression zstd)")
CONNECTION.execute("attach 'out/floor.duckdb' as warehouse")
CONNECTION.execute("create schema if not exists warehouse.punctuality")
for name in ("carrier_months", "weather_delays"):
    CONNECTION.execute(f"create or replace table warehouse.punctuality.{name} as from {name}")
CONNECTION.execute("detach warehouse")
