"""How to find, await, stop and freeze a process, and a lock that only one process can hold."""
