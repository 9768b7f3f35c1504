"""A shop to try the service on: a catalogue, some people, and as many orders as wanted."""
