"""The caller's choices, the service's settings, telemetry, files, ports and secrets."""
