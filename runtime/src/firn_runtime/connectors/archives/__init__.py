"""Archives: what is in them is an outsider's choice, and so is what they claim to be."""
