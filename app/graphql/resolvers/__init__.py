"""The functions that read the fields of the graph, and its mutations. They call the services."""
