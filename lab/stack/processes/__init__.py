"""Processes: how one is found again, awaited, stopped, frozen, and kept from running twice."""
