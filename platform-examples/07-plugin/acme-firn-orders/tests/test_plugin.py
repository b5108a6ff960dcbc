"""The plug-in keeps Firn's contract, and takes no file that is not signed."""

import hashlib
import hmac
from pathlib import Path
from types import SimpleNamespace

import acme_firn_orders
import pytest
from acme_firn_orders.connector import OrderFiles

from firn_runtime.testing import check_connector, check_errors, check_rows, made, manifest_rows

MANIFEST = Path(acme_firn_orders.__file__).parent / "firn-plugin.json"
CONFIG = {"folder": "data", "key": "the-key-of-the-tests"}
ORDERS = SimpleNamespace(table="orders")
LINES = f"O{7:08d}{'Ada':20}{1250:011d}\n"


@pytest.fixture
def connector(tmp_path):
    signature = hmac.new(CONFIG["key"].encode(), LINES.encode(), hashlib.sha256).hexdigest()
    (tmp_path / "orders.dat").write_text(f"{LINES}Z{signature}\n")
    one = made(OrderFiles, manifest_rows(MANIFEST).connectors["acme", "orders"], CONFIG | {"folder": str(tmp_path)})
    one.connect()
    yield one
    one.close()


def test_it_keeps_the_contract():
    check_connector(OrderFiles, MANIFEST, "acme.orders", CONFIG)


def test_it_reads_what_is_signed(connector):
    assert check_rows(connector.read(ORDERS, None)) == [{"id": 7, "customer": "Ada", "amount": "000000012.50"}]


def test_it_refuses_what_was_changed(connector, tmp_path):
    file = tmp_path / "orders.dat"
    file.write_text(file.read_text().replace("Ada", "Eve"))
    assert check_errors(lambda: list(connector.read(ORDERS, None))).error_class == "data"
