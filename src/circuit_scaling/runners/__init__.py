"""Kedro's runners, which can run what is stale alone and go on when something fails."""

from circuit_scaling.runners.runners import InOneProcess, InProcesses, InThreads

__all__ = ["InOneProcess", "InProcesses", "InThreads"]
