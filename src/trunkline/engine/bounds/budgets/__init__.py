"""Money reserved before a call and settled after it, so that no budget is ever overdrawn."""
