"""The parts list: a configuration → a running gateway, every part in one stack that closes them in turn."""
