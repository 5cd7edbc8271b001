"""The script of the descriptors here; none of them is run."""
