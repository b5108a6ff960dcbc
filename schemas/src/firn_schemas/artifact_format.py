"""The name and version of the artifact's format."""

FORMAT_NAME, FORMAT_MAJOR = "firn.artifacts", 1
FORMAT = f"{FORMAT_NAME}/{FORMAT_MAJOR}"
"""What `format` says in a file; a runtime refuses another major."""
