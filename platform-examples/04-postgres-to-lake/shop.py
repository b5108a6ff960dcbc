"""The shop: a table of orders that changes while the shop is open. The same orders every time.

python shop.py open      20,000 orders, and a user `reader` who may read them
python shop.py trade     what happens until the next run: new orders, old ones that change, one that comes late
"""

import os
import sys

import psycopg
from psycopg import sql

OPEN = """
create table orders (
    order_id bigint primary key,
    customer_id integer not null,
    country text not null,
    status text not null,
    amount numeric(10, 2) not null,
    ordered_on date not null,
    updated_at timestamptz not null
);
create index on orders (updated_at);
grant select on orders to reader;
"""
NEW = """
insert into orders
select
    n,
    n * 7919 % 1500 + 1,
    (array['CH', 'DE', 'FR', 'IT'])[n * 31 % 4 + 1],
    case when n % 3 = 0 then 'placed' else 'shipped' end,
    (n * 104729 % 19901 + 99)::numeric / 100,
    timestamp '2026-01-01' + n * interval '4 minutes',
    timestamptz '2026-01-01 00:00:00+00' + n * interval '4 minutes'
from generate_series({first}, {last}) as n
"""
CHANGED = """
update orders set
    status = case when status = 'placed' then 'shipped' else 'refunded' end,
    updated_at = timestamptz '2026-01-01 00:00:00+00' + 20250 * interval '4 minutes' + order_id * interval '1 second'
where order_id % 159 = 7 and order_id <= 19900
"""
LATE = """
insert into orders values
(20251, 42, 'CH', 'placed', 12.50, '2026-02-25', timestamptz '2026-01-01 00:00:00+00' + 19995.5 * interval '4 minutes')
"""


def open_shop(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    password = sql.Literal(os.environ["SHOP_DB_PASSWORD"])
    connection.execute(sql.SQL("create role reader login password {}").format(password))
    connection.execute(OPEN)
    connection.execute(sql.SQL(NEW).format(first=1, last=20_000))
    print("the shop has 20000 orders")


def trade(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    connection.execute(sql.SQL(NEW).format(first=20_001, last=20_250))
    changed = connection.execute(CHANGED).rowcount
    connection.execute(LATE)
    print(f"the shop has 250 new orders, {changed} that changed, and one whose transaction took its time")


if __name__ == "__main__":
    with psycopg.connect(
        host="127.0.0.1", port=os.environ["SHOP_DB_PORT"], user="admin", password=os.environ["SHOP_ADMIN_PASSWORD"],
        dbname="postgres",
    ) as connection:  # fmt: skip
        {"open": open_shop, "trade": trade}[sys.argv[1]](connection)
