"""The tests of the lab's page: a package, because pytest shares a browser in a package."""
