"""Lists of the tickets and customers behind figures, read from the state topics."""
