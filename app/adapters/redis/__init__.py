"""Redis: one client, and what is stored by it: cached reads and counts of requests."""
