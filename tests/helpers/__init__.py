"""Shared builders and references used by several test rooms."""
