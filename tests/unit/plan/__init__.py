"""What a run would cost, counted without one."""
