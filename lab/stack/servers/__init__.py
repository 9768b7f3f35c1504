"""The servers of the stack: one module for each kind. `server.py` has their base class."""
