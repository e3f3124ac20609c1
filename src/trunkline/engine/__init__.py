"""The request's way. Asks ports; never the libraries behind them."""
