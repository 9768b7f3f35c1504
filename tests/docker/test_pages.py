"""README.md and docs/docker.md, executed against containers."""

import re
import shlex
from functools import partial
from pathlib import Path

import httpx2

from tests.docker.compose_stack import ComposeStack
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.repeating import repeating

# What `make seed` leaves behind, as far as the README shows it.
SHOP = (
    "INSERT INTO products (sku, name, price, stock, created_at, updated_at) VALUES"
    " ('RT-TEA-ASSAM-100', 'Assam Mangalam second flush, 100 g', 8.90, 225, now(), now()),"
    " ('RT-TEA-SENCHA-100', 'Sencha, 100 g', 9.90, 225, now(), now());"
    " SELECT setval('orders_id_seq', 200);"
)
PSQL = "docker compose exec -T postgres psql -qU postgres roundtrip -c"
# The README's own commands for what these containers are told in other words.
INSTEAD = {
    "make test\n": "true\n",
    "make seed\n": f"{PSQL} {shlex.quote(SHOP)}\n",
    "make admin EMAIL=chidi@example.com PASSWORD='seven small green apples'": (
        "docker compose exec -T -e ADMIN_PASSWORD='seven small green apples' app-1"
        " python -m app create-admin --email chidi@example.com"
    ),
}
# Only the local stack tells strangers how long its stages took.
_TIMING = re.compile(r"(?m)^Server-Timing: .*\n")
AUTHORITY = "caddy:/data/caddy/pki/authorities/local/root.crt"


def test_the_readme_is_true_of_containers_as_well(own_stack: ComposeStack, tmp_path: Path) -> None:
    """Signup, login, a change, an order: the same calls have the same answers."""
    own_stack.make_secrets()
    own_stack.succeed("up", "--wait")
    own_stack.succeed("cp", AUTHORITY, str(own_stack.directory / "ca.crt"))
    first, *blocks = ((kind, _TIMING.sub("", text)) for kind, text in blocks_of("README.md"))
    assert first == ("sh", "make up\n")
    terminal = Terminal(own_stack, tmp_path, INSTEAD, checkout=own_stack.directory)
    assert terminal.run_and_compare(blocks) >= 14


def test_every_command_about_docker_does_what_it_shows(
    own_stack: ComposeStack, tmp_path: Path
) -> None:
    """From the secrets to the end; and while a new version is put in place, no request fails."""
    blocks = blocks_of("docs/docker.md")
    port = {"localhost:16686": f"localhost:{own_stack.jaeger_port}"}
    terminal = Terminal(own_stack, tmp_path, port, checkout=own_stack.directory)
    update = next(place for place, (_, text) in enumerate(blocks) if "--no-deps" in text)
    compared = terminal.run_and_compare(blocks[:update])
    with repeating(partial(_status, own_stack), every=0.12) as statuses:
        terminal.run(blocks[update][1])
    assert len(statuses) > 50
    assert set(statuses) == {200}
    compared += terminal.run_and_compare(blocks[update + 1 :])
    assert compared == 6
    assert not any(own_stack.left_behind().values())


def _status(stack: ComposeStack) -> int:
    try:
        return stack.client.get("/api/products").status_code
    except httpx2.HTTPError:
        return 0
