"""`make doctor`: finds what is wrong on a developer's machine, and how to fix it.

It must also run on a machine on which no other make target runs. So it needs only the standard
library, does not use the network, and changes nothing.
"""
