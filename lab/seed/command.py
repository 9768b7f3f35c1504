"""`make seed`: fills the running stack with a shop, and prints requests that read it."""

import json
import os
from collections.abc import Mapping
from typing import Final

import psycopg
import redis
from redis.exceptions import RedisClusterException

from lab.seed import cached_reads
from lab.seed.load import Loader
from lab.seed.people import PASSWORD, PEOPLE
from lab.stack import control
from lab.stack.config.environment import number
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError

MAX_ORDERS: Final = 1_000_000

_HOW_TO_CONTINUE = "The rows added so far are kept. Run the command again to add the rest."


def seed(paths: Paths, environment: Mapping[str, str] = os.environ) -> int:
    """Fill the running stack with a shop: products, users, and `SEED_ORDERS` orders."""
    wanted = number(environment, "SEED_ORDERS", 200, range(MAX_ORDERS + 1), "seed")
    stack = control.running(paths)
    try:
        with psycopg.connect(stack.libpq_migrator_url, autocommit=True) as connection:
            loader = Loader(connection)
            table = _fill(loader, wanted)
            person = loader.ids().people[PEOPLE[0].email]
        prefix = stack.service_environment.get("REDIS_KEY_PREFIX") or "roundtrip"
        cached_reads.delete(stack.redis_url, key_prefix=prefix)
    except psycopg.Error as error:
        reason = str(error).partition("\n")[0]
        raise LabError(f"PostgreSQL error: {reason}\n{_HOW_TO_CONTINUE}") from error
    except (redis.RedisError, RedisClusterException) as error:
        raise LabError(f"Redis cannot be reached: {error}\n{_HOW_TO_CONTINUE}") from error
    except KeyboardInterrupt:
        raise LabError(f"\nInterrupted. {_HOW_TO_CONTINUE}") from None
    # Print last: if the reader closes the pipe (`| head`), the work is already complete.
    print(table)
    print(_example_requests(f"http://localhost:{stack.choices.http_port}", person))
    return control.OK


def _fill(loader: Loader, wanted: int) -> str:
    added = loader.add_products(), loader.add_people(), loader.add_orders(wanted)
    if any(added):
        loader.analyze()
    ids, (orders, _) = loader.ids(), loader.count_orders()
    return "\n".join(
        [
            f"{'':<10} {'products':>9} {'people':>9} {'orders':>9}",
            _row("added", *added),
            _row("total now", len(ids.products), len(ids.people), orders),
            *([] if any(added) else ["Nothing was missing."]),
        ]
    )


def _row(title: str, *counts: int) -> str:
    return " ".join([f"{title:<10}", *(f"{count:>9,}" for count in counts)])


def _example_requests(service: str, person: int) -> str:
    login = json.dumps({"email": PEOPLE[0].email, "password": PASSWORD}, separators=(",", ":"))
    return f"""
Read the products, and the orders of {PEOPLE[0].name}. All users have the same password.

  curl -s '{service}/api/products?limit=3'
  SHOP_TOKEN=$(curl -s {service}/api/auth/login -H 'Content-Type: application/json' -d '{login}' | \
python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
  curl -s '{service}/api/users/{person}/orders?limit=3' -H "Authorization: Bearer $SHOP_TOKEN"
"""
