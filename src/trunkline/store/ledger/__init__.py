"""What is kept of every request: a register that no end of the process can lose, and the tables that it is folded into."""
