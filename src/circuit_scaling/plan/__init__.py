"""What a run would cost and what it lacks, told before it begins: ``kedro plan``."""
