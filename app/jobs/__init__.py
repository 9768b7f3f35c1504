"""Work that outlives a request. The worker process runs it."""
