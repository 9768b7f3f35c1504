"""The upper limit of signups and logins: argon2 hashes per second in a bare loop.

This program runs on the server's processors:
`python -m lab.bench.references.hashing SECONDS THREADS`.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lab.seed.people import HASHER, PASSWORD


def rate(seconds: float, threads: int) -> float:
    """Hash in `threads` threads at the same time, as the service does. Return hashes per second."""
    began = time.monotonic()
    stop = threading.Event()
    with ThreadPoolExecutor(threads) as executor:
        counts = [executor.submit(_hash_until, stop) for _ in range(threads)]
        time.sleep(seconds)
        stop.set()
    return sum(count.result() for count in counts) / (time.monotonic() - began)


def _hash_until(stop: threading.Event) -> int:
    hashes = 0
    while not stop.is_set():
        HASHER.hash(PASSWORD)
        hashes += 1
    return hashes


if __name__ == "__main__":
    print(rate(float(sys.argv[1]), int(sys.argv[2])))
