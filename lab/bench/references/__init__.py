"""The Python programs that the service is compared with. Each runs as a process of its own."""
