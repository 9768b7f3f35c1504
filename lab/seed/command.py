"""`make seed`: puts the shop into the running stack, and shows how to see it."""

import json
import os
from collections.abc import Mapping
from typing import Final

import psycopg
import redis

from lab.seed.load import Loader
from lab.seed.people import PASSWORD, PEOPLE
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.stack import Stack

DEFAULT_ORDERS: Final = 200
MOST_ORDERS: Final = 1_000_000

_TO_GO_ON = "What has been added stays, and the same command adds the rest."


def seed(paths: Paths, environment: Mapping[str, str] = os.environ) -> int:
    """Fill the running stack with a shop: products, people, and `SEED_ORDERS` orders of theirs."""
    wanted = _wanted(environment)
    stack = control.running(paths)
    try:
        with psycopg.connect(stack.libpq_url, autocommit=True) as connection:
            loader = Loader(connection)
            table = _fill(loader, wanted)
            person = loader.ids().people[PEOPLE[0].email]
        _forget_cached_reads(stack)
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0]
        raise LabError(f"PostgreSQL refuses: {reason}\n{_TO_GO_ON}") from error
    except redis.RedisError as error:
        raise LabError(f"Redis cannot be reached: {error}\n{_TO_GO_ON}") from error
    except KeyboardInterrupt:
        raise LabError(f"\nInterrupted. {_TO_GO_ON}") from None
    # Printed last: if the reader has closed the pipe (`| head`), nothing is left undone.
    print(table)
    print(_how_to_see_it(f"http://localhost:{stack.choices.http_port}", person))
    return control.OK


def _fill(loader: Loader, wanted: int) -> str:
    added = loader.add_products(), loader.add_people(), loader.add_orders(wanted)
    if any(added):
        loader.analyze()
    ids, (orders, _) = loader.ids(), loader.orders_there()
    return "\n".join(
        [
            f"{'':<10} {'products':>9} {'people':>9} {'orders':>9}",
            _row("added", *added),
            _row("there now", len(ids.products), len(ids.people), orders),
            *([] if any(added) else ["Nothing was missing."]),
        ]
    )


def _forget_cached_reads(stack: Stack) -> None:
    """Let the service see what was written past it; it would by itself within two minutes."""
    prefix = stack.service_environment.get("REDIS_KEY_PREFIX") or "roundtrip"
    with redis.Redis.from_url(stack.redis_url) as client:
        for key in client.scan_iter(f"{prefix}:cache:*", count=1000):
            client.unlink(key)


def _row(title: str, *counts: int) -> str:
    return " ".join([f"{title:<10}", *(f"{count:>9,}" for count in counts)])


def _how_to_see_it(service: str, person: int) -> str:
    login = json.dumps({"email": PEOPLE[0].email, "password": PASSWORD}, separators=(",", ":"))
    return f"""
See the shop, and what {PEOPLE[0].name} has ordered; all of them have the same password:

  curl -s '{service}/api/products?limit=3'
  SHOP_TOKEN=$(curl -s {service}/api/auth/login -H 'Content-Type: application/json' -d '{login}' | \
python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
  curl -s '{service}/api/users/{person}/orders?limit=3' -H "Authorization: Bearer $SHOP_TOKEN"
"""


def _wanted(environment: Mapping[str, str]) -> int:
    text = environment.get("SEED_ORDERS") or str(DEFAULT_ORDERS)
    # The length first: Python refuses to read a number of thousands of digits.
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_ORDERS))
    if not (digits and int(text) <= MOST_ORDERS):
        raise LabError(
            f"SEED_ORDERS={text} is no number of orders. Give one from 0 to {MOST_ORDERS}:  "
            f"make seed SEED_ORDERS={DEFAULT_ORDERS}"
        )
    return int(text)
