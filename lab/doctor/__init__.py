"""`make doctor`: finds what is wrong on a developer's machine, and how to fix it.

`make doctor` must also work on a machine on which no other make target works. So it needs only the
standard library, does not use the network, and changes nothing.
"""
