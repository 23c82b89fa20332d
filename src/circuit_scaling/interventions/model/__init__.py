"""The model as the engine sees it: its parts, its blocks, and the device that they run on."""
