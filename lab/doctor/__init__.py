"""What is wrong on a person's machine, and how to mend it: `make doctor`.

It runs where nothing else does, so it needs the standard library alone, asks no network, and
changes nothing.
"""
