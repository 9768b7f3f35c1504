"""Pages for people: the API documentation, the problems, and the pages that messages link to."""
