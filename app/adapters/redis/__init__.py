"""Redis: one client, the cached reads, and the counts of the rate limits."""
