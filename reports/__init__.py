"""Comparison tables, findings and the files a reader opens."""
