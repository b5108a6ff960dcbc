"""Files that are datasets, the same wherever they lie; and the folders of this machine."""
