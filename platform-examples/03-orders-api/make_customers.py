"""Make crm.sqlite: every customer of the purchases, with the month of the first one."""

import csv
import sqlite3
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    first: dict[int, str] = {}
    with (HERE / "data/cdnow_sample.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            customer = int(row["customer_id"])
            first[customer] = min(first.get(customer, "9"), row["date"])
    target = HERE / "crm.sqlite"
    target.unlink(missing_ok=True)
    with sqlite3.connect(target) as connection:
        connection.execute("create table customers (customer_id integer primary key, cohort text not null)")
        rows = [(customer, f"{day[:4]}-{day[4:6]}") for customer, day in sorted(first.items())]
        connection.executemany("insert into customers values (?, ?)", rows)
    connection.close()
    print(f"{target.name}: {len(rows)} customers")


if __name__ == "__main__":
    main()
