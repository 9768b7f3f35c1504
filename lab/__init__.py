"""Runs and observes the service on one machine. `app` imports nothing from this package."""
