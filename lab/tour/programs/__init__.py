"""Longer programs that the chapters of the tour run. A page quotes only the lines that matter."""
