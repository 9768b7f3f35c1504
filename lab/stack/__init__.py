"""The local stack: PostgreSQL, Valkey, the service, Caddy, the collector, an identity provider.

control      the commands `lab up`, `roll` and `admin`
background   `lab start`: starts the supervisor in another process
supervisor   starts the servers in order, and stops them
keeper       restarts a server that has ended
stack        the servers, and how they are connected
servers/     one module for each kind of server, and their base class in `server`
processes/   how to find, await, stop and freeze a process, and a lock file
environment  the caller's choices, and the settings of the service
telemetry    where the servers send their spans
secrets      passwords and keys, each created once
paths        the files and directories
ports        free ports on 127.0.0.1
state        the running stack, for the other commands
report       the texts of `lab up` and `lab start`
health       which parts run, and what to do if a part does not run
findings     one line about a problem, and its remedy
status       `lab status`
psql         `lab psql`
slow_sql     `lab fault slow-sql`
errors       errors whose message is for the user
"""
