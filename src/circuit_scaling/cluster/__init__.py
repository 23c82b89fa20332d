"""``kedro cluster``: the study on many machines, a process for each model's stage."""
