"""What bounds a request: rates and budgets, claimed before it is sent and settled when it is recorded."""
