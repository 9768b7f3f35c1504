"""`make doctor`: finds what is wrong on a developer's machine, and how to fix it.

It must run where nothing else does. So it needs only the standard library, does not use the
network, and changes nothing.
"""
