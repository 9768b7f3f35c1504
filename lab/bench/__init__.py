"""Measures the service's speed against the limits of the same machine, and profiles it.

command, profile  `make bench` and `make profile`
choices           the options, from the caller's environment
run               one run: rounds of load, then latencies and memory
measures          the measurements of a round
subjects          the processes that are measured
backends          their PostgreSQL and Valkey
pinning           which processor each process uses
receiver          accepts the spans of the traced processes, and discards them
peer              installs the Fastify service of `peers/`
load/             clients that send load
references/       the programs that the service is compared with
results/          the figures, and the report
jobs              a benchmark of its own: how fast the workers run jobs
"""
