"""The bridge: JSON records of another system's topic to the input topics, exactly once."""
