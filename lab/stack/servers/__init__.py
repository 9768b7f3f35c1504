"""The servers of the stack: each module starts one kind of server. `server.py` is common to all."""
