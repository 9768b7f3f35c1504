"""The figures and ratios of a run, the machine, and the report that shows them."""
