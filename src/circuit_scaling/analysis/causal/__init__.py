"""Tracings become verdicts, and heroes are compared."""
