"""Deletes expired rows while the app serves, and lets load balancers notice when it will end."""

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import structlog
from fastapi import FastAPI

from app.container import Container
from app.errors import Unavailable
from app.tracing import end_tracing

_log = structlog.get_logger()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Delete expired rows while the app serves requests, and close all connections afterwards."""
    container = app.state.container
    _drain_before_the_end(container, app.state.drain_delay)
    sweeper = asyncio.create_task(_sweep(container, app.state.sweep_interval))
    # The objects that exist now are needed until the process ends. Without `freeze`, Python would
    # search all of them for garbage now and then. Each search would stop all requests for a tenth
    # of a second.
    gc.collect()
    gc.freeze()
    yield
    sweeper.cancel()
    try:
        await container.close()
    finally:
        end_tracing()


async def _sweep(container: Container, interval: float) -> None:
    # Every process deletes expired rows. If two processes do so at the same time, they delete
    # different rows.
    while True:
        await asyncio.sleep(interval)
        try:
            keys = await container.orders.clear_expired_keys()
            sessions = await container.sessions.clear_unused()
            flows = await container.oidc.clear_expired_flows()
        except Unavailable:
            continue
        except Exception:  # noqa: BLE001 - nothing else would start the sweeper again
            _log.exception("sweep_failed")
            continue
        _log.info("swept", idempotency_keys=keys, sessions=sessions, oidc_flows=flows)


def _drain_before_the_end(container: Container, delay: float) -> None:
    # On SIGTERM, uvicorn would close its sockets at once. Load balancers must first notice that
    # the process will end. So this handler makes the process unready, and calls uvicorn's handler
    # after the delay.
    if threading.current_thread() is not threading.main_thread():
        # Python handles signals in the main thread only. A program that runs the app in another
        # thread must end the app in another way.
        return
    close = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def drain(_: int, frame: FrameType | None) -> None:
        container.health.drain()
        if callable(close):
            # uvicorn's handler remembers its signal. When uvicorn has closed everything, it raises
            # this signal again. With SIGTERM, the process would have the exit status of a killed
            # process. SIGCONT does nothing to a running process, so the process exits with 0.
            loop.call_soon_threadsafe(loop.call_later, delay, close, signal.SIGCONT, frame)

    signal.signal(signal.SIGTERM, drain)
