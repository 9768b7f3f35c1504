"""Clients that send load, and measure rates and latencies."""
