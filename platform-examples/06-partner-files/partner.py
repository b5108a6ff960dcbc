"""The partner: leaves archives of orders in its outbox. `python partner.py DAY …` leaves one for each day."""

import random
import sys
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

OUTBOX = Path("out/partner/outbox")
CUSTOMERS = ("Alder & Sons", "Birch", "Cedar", "Dogwood", "=Elm")


def orders(day: date) -> str:
    """Return the orders of a day as CSV, the last five of the day before among them once more."""
    lines = ["order_id,customer,ordered_on,amount"]
    for number in range(day.toordinal() * 200 - 5, day.toordinal() * 200 + 200):
        chance = random.Random(number)  # an order is the same in every archive that holds it
        amount = Decimal(chance.randint(100, 99_999)) / 100
        lines.append(f"{number},{chance.choice(CUSTOMERS)},{date.fromordinal(number // 200)},{amount}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUTBOX.mkdir(parents=True, exist_ok=True)
    for word in sys.argv[1:]:
        with zipfile.ZipFile(OUTBOX / f"orders-{word}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{word}.csv", orders(date.fromisoformat(word)))
            archive.writestr("readme.txt", "orders of a day; the last five of the day before are there again\n")
