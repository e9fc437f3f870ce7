"""Decisions on a Profile's columns."""
