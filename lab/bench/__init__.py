"""Measures the service's speed against the limits of the same machine, and profiles it."""
