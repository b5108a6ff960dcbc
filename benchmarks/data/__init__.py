"""What `make bench-data` is made of: inputs, servers, Firn, floors, peers, the comparison of contents, the table."""
