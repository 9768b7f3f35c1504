"""Code that uses another server or a library of its own, and caches in memory."""
