"""Roundtrip, the service: everything that the production image contains."""
