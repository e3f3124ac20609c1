"""Who asks: let in by a key, known by labels and a session, and what that key may use and administer."""
