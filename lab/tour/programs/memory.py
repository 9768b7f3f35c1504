"""Reserves memory, writes to it and frees it, and measures the process each time."""

import mmap
from pathlib import Path


def mib(file: str, field: str) -> float:
    """Return a size of this process in MiB. The files in `/proc` contain KiB."""
    lines = Path(f"/proc/self/{file}").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def sizes() -> tuple[float, float]:
    """Return the virtual and the resident size, in MiB."""
    return mib("status", "VmSize"), mib("smaps_rollup", "Rss")


def report(what: str, before: tuple[float, float]) -> None:
    """Print how much the sizes have changed, rounded to 10 MiB."""
    changes = (now - then for now, then in zip(sizes(), before, strict=True))
    virtual, resident = (round(change / 10) * 10 for change in changes)
    print(f"{what}: virtual {virtual:+} MiB, resident {resident:+} MiB")


def main() -> None:
    """Reserve, write and free 100 MiB, and report the sizes after each of these steps."""
    before = sizes()
    memory = mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    report("reserved", before)
    for address in range(0, len(memory), mmap.PAGESIZE):
        memory[address] = 1
    report("written ", before)
    memory.close()
    report("freed   ", before)


if __name__ == "__main__":
    main()
