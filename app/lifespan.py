"""The start and the end of a process. On SIGTERM, the process first becomes unready."""

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

from fastapi import FastAPI

from app.container import Container
from app.tracing import end_tracing


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Close all connections after the last request."""
    container = app.state.container
    _drain_before_the_end(container, app.state.settings.drain_delay)
    # The objects that exist now are needed until the process ends. Without `freeze`, Python would
    # search all of them for garbage now and then. Each search would stop all requests for a tenth
    # of a second.
    gc.collect()
    gc.freeze()
    yield
    try:
        await container.close()
    finally:
        end_tracing()


def _drain_before_the_end(container: Container, delay: float) -> None:
    # On SIGTERM, uvicorn's own handler closes the sockets at once, before load balancers notice
    # that the process will end. So `drain` replaces this handler. `drain` makes the process
    # unready, and calls uvicorn's handler after the delay.
    if threading.current_thread() is not threading.main_thread():
        # Python handles signals in the main thread only. A program that runs the app in another
        # thread must end the app in another way.
        return
    close = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def drain(_: int, frame: FrameType | None) -> None:
        container.health.drain()
        if callable(close):
            # uvicorn's handler stores the signal that it gets. After uvicorn has closed everything,
            # uvicorn raises the stored signal. With SIGTERM, the exit status would be that of a
            # killed process. So pass SIGCONT, which does nothing to a running process: the exit
            # status is then 0.
            loop.call_soon_threadsafe(loop.call_later, delay, close, signal.SIGCONT, frame)

    signal.signal(signal.SIGTERM, drain)
