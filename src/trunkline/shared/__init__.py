"""What requests leave for later ones, for a while."""
