"""The local stack: PostgreSQL, Valkey, the service, Caddy, the collector, an identity provider.

control      the commands `lab up`, `roll` and `admin`
background   `lab start`: starts the supervisor in another process
supervisor   starts the servers in order, and stops them
keeper       restarts a server that has ended
stack        the servers, and how they are connected
servers/     one module for each kind of server, and their base class in `server`
processes/   how to find, await, stop and freeze a process, and a lock file
config/      the caller's choices, the service's settings, telemetry, files, ports and secrets
status/      `lab status`: which parts run, and what to do if a part does not run
report       the texts of `lab up` and `lab start`
state        the running stack, for the other commands
psql         `lab psql`
slow_sql     `lab fault slow-sql`, which the supervisor heals when the stack starts
errors       errors whose message is for the user
"""
