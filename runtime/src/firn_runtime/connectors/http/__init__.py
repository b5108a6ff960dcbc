"""HTTP as connectors speak it: addresses that were checked, limits on every answer, certificates."""
