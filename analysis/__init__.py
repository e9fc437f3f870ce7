"""Metrics over batches of dialogues, and the Profile that keeps their states."""
