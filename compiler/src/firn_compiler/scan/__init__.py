"""The secret scanner: what in a text, under its key, is a secret. It knows no files, flows or diagnostics."""
