"""The version of the engine's numbers; a golden scan goes red when they move without it."""

ENGINE_VERSION = "2"
