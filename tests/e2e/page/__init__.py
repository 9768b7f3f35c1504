"""The tests of the lab's page. They form a package so that pytest shares one browser in it."""
