"""Options that many commands take: where the configuration comes from, and which gateway is asked."""

import argparse


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Where a command's configuration comes from, and for whom it speaks."""
    parser.add_argument("--config", metavar="FILE", help="the YAML file (TRUNKLINE_CONFIG; default: ./trunkline.yaml)")
    parser.add_argument("--env-file", metavar="FILE", help="variables that are not in the environment")
    parser.add_argument("--json", action="store_true", help="say it for a program")


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Which running gateway is asked, instead of the store beside."""
    parser.add_argument("--url", metavar="URL", help="a running gateway, as http://localhost:8080/v1")
    parser.add_argument("--key", metavar="KEY", help="its master key (TRUNKLINE_MASTER_KEY), or one with the scope")
