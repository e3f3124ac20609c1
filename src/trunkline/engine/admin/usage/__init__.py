"""What was used and what it cost: read from the tables of the ledger, summed, shown, exported, and computed anew."""
