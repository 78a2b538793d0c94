"""One harness for every engine: the same data, queries, exact truth, row format and child processes."""
