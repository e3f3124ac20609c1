"""What a request stands for: its prompt, the chain or conversation that it goes on from, the items that it only
names."""
