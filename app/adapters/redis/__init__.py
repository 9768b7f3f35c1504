"""The Redis client, how it connects, and the counts of rate limits."""
