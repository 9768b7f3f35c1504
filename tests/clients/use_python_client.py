"""Uses the generated Python client as a customer: `use_python_client.py URL PRODUCT_ID`.

test_generated_clients.py type-checks this file together with the generated client.
"""

import secrets
import sys

from roundtrip_client import AuthenticatedClient, Client
from roundtrip_client.api.auth import login
from roundtrip_client.api.orders import create_order, read_order
from roundtrip_client.api.users import create_user
from roundtrip_client.models import (
    Login,
    OrderCreate,
    OrderItem,
    OrderRead,
    OrderStatus,
    Problem,
    TokenPair,
    UserCreate,
    UserRead,
)

PASSWORD = "purple monkey dishwasher"


def shop(url: str, product_id: int) -> None:
    """Sign up, log in, order once, and check that problems are typed objects."""
    anonymous = Client(base_url=url, raise_on_unexpected_status=True)
    email = f"{secrets.token_hex(8)}@example.com"
    user = create_user.sync(
        client=anonymous, body=UserCreate(name="Ahmed", email=email, password=PASSWORD)
    )
    assert isinstance(user, UserRead)
    _check_problems(anonymous, email)
    tokens = login.sync(client=anonymous, body=Login(email=email, password=PASSWORD))
    assert isinstance(tokens, TokenPair)
    user_client = AuthenticatedClient(
        base_url=url, token=tokens.access_token, raise_on_unexpected_status=True
    )
    _check_orders(user_client, user.id, product_id)


def _check_problems(anonymous: Client, email: str) -> None:
    taken = create_user.sync_detailed(
        client=anonymous, body=UserCreate(name="Ahmed", email=email, password=PASSWORD)
    )
    assert taken.status_code == 409
    assert isinstance(taken.parsed, Problem)
    assert taken.parsed.code == "email-taken"
    invalid = create_user.sync_detailed(
        client=anonymous, body=UserCreate(name="", email=email, password=PASSWORD)
    )
    assert invalid.status_code == 422
    assert isinstance(invalid.parsed, Problem)
    assert [error.pointer for error in invalid.parsed.errors or []] == ["/name"]


def _check_orders(user_client: AuthenticatedClient, user_id: int, product_id: int) -> None:
    body = OrderCreate(items=[OrderItem(product_id=product_id, quantity=1)])
    key = secrets.token_hex(8)
    placed, replayed = (
        create_order.sync_detailed(user_id, client=user_client, body=body, idempotency_key=key)
        for _ in range(2)
    )
    assert isinstance(placed.parsed, OrderRead)
    assert placed.parsed.status is OrderStatus.PENDING
    assert replayed.parsed == placed.parsed
    assert replayed.headers["Idempotency-Replayed"] == "true"
    unchanged = read_order.sync_detailed(
        user_id, placed.parsed.id, client=user_client, if_none_match=placed.headers["ETag"]
    )
    assert (unchanged.status_code, unchanged.parsed) == (304, None)


if __name__ == "__main__":
    shop(sys.argv[1], int(sys.argv[2]))
