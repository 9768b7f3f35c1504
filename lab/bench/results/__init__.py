"""The figures and ratios of a run, and the report that shows them."""
