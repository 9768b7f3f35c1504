"""One machine that runs and observes the service. Nothing here is imported by `app`."""
