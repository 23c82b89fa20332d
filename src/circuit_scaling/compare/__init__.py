"""Two runs side by side: how they were made, which heads and numbers moved: ``kedro compare``."""
