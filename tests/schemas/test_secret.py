"""A secret shows itself nowhere."""

import copy
import pickle
from typing import Any

import pytest

from firn_schemas.secret import Secret
from firn_schemas.secret_ref import valid_key, valid_name, variable_name

CANARY = "c4n4ry"


def test_a_secret_has_no_text_but_its_mask() -> None:
    secret = Secret(CANARY)
    assert {str(secret), repr(secret), f"{secret}", f"{secret:>40}", "%s" % secret} == {"***"}  # noqa: UP031  # the oldest way to show it, too
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy, vars])
def test_a_secret_cannot_be_serialised_or_copied(act: Any) -> None:
    with pytest.raises(TypeError) as caught:
        act(Secret(CANARY))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", ["shop-db", "a", "a.b_c-1", "0"])
def test_names_of_secrets(name: str) -> None:
    assert valid_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "../a", "a/b", "A", "a\n", ".", "a" * 254])
def test_what_is_not_the_name_of_a_secret(name: str) -> None:
    assert not valid_name(name)


def test_keys_never_leave_their_folder() -> None:
    assert valid_key("tls.crt")
    assert not any(valid_key(key) for key in ("", ".", "..", "a/b", "a\x00", ".hidden"))


def test_the_variable_of_a_reference() -> None:
    assert variable_name("polaris-oauth-credentials", None) == "POLARIS_OAUTH_CREDENTIALS"
    assert variable_name("shop-db", "password") == "SHOP_DB_PASSWORD"
