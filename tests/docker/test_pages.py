"""Executes README.md, docs/calls.md and docs/docker.md with containers."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat
from pathlib import Path

from lab.bench.load.calls import Call
from lab.bench.load.traffic import traffic
from lab.tour.chapters import Command, Step
from tests.docker.compose_stack import ComposeStack
from tests.e2e.pages import Terminal, blocks_of

# docs/calls.md shows only this part of the data that `make seed` writes.
SHOP = (
    "INSERT INTO products (sku, name, price, stock, created_at, updated_at) VALUES"
    " ('RT-TEA-ASSAM-100', 'Assam Mangalam second flush, 100 g', 8.90, 225, now(), now()),"
    " ('RT-TEA-SENCHA-100', 'Sencha, 100 g', 9.90, 225, now(), now());"
    " SELECT setval('orders_id_seq', 200);"
)
PSQL = "docker compose exec -T postgres psql -qU postgres roundtrip -c"
# Commands of the pages for the local stack, and the same commands for containers.
REPLACEMENTS = {
    "make test\n": "true\n",
    "make seed\n": f"{PSQL} {shlex.quote(SHOP)}\n",
    "make admin EMAIL=chidi@example.com PASSWORD='seven small green apples'": (
        "docker compose exec -T -e ADMIN_PASSWORD='seven small green apples' app-1"
        " python -m app create-admin --email chidi@example.com"
    ),
}
# Only the local stack sends Server-Timing.
_TIMING = re.compile(r"(?m)^Server-Timing: .*\n")
AUTHORITY = "caddy:/data/caddy/pki/authorities/local/root.crt"


def test_the_readme_and_the_calls_show_real_outputs_also_with_containers(
    own_stack: ComposeStack, tmp_path: Path
) -> None:
    """Signup, login, a change and an order have the same responses as in the local stack."""
    own_stack.make_secrets()
    own_stack.succeed("up", "--wait")
    own_stack.succeed("cp", AUTHORITY, str(own_stack.directory / "ca.crt"))
    pages = blocks_of("README.md") + blocks_of("docs/calls.md")
    first, *blocks = (replace(step, text=_TIMING.sub("", step.text)) for step in pages)
    assert first == Command("make up\n")
    terminal = Terminal(own_stack, tmp_path, REPLACEMENTS, checkout=own_stack.directory)
    assert terminal.run_and_compare(_without_mailbox(blocks)) >= 14


def _without_mailbox(blocks: Iterable[Step]) -> list[Step]:
    """Leave out the commands that read the local stack's own mailbox, and their output."""
    kept, skips_output = list[Step](), False
    for step in blocks:
        if isinstance(step, Command):
            skips_output = "lab mail" in step.text
        if not skips_output:
            kept.append(step)
    return kept


def test_the_docker_page_shows_real_outputs_and_its_update_fails_no_request(
    own_stack: ComposeStack, tmp_path: Path
) -> None:
    """The update replaces the containers while a client sends requests, which all succeed."""
    blocks = blocks_of("docs/docker.md")
    replacements = {
        "localhost:16686": f"localhost:{own_stack.jaeger_port}",
        "localhost:8025": f"localhost:{own_stack.mail_port}",
    }
    terminal = Terminal(own_stack, tmp_path, replacements, checkout=own_stack.directory)
    update = next(index for index, step in enumerate(blocks) if "--no-deps" in step.text)
    compared = terminal.run_and_compare(blocks[:update])
    read = Call(own_stack.http_port, "GET", "/api/products", 200)
    with traffic(repeat(read), rate=8) as record:
        terminal.run(blocks[update].text)
    assert len(record.exchanges) > 50
    assert not record.failures
    compared += terminal.run_and_compare(blocks[update + 1 :])
    assert compared == 7
    assert not any(own_stack.resources().values())
