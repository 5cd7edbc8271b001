"""Stands in for the package where only the process itself is tested."""
