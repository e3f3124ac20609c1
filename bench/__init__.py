"""What trunkline costs, beside an nginx reverse proxy on the same core in the same run; see `bench/README.md`."""
