"""Prices that the file declares."""

import pytest

from trunkline.config.prices import describe_price, read_prices
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError


def read(yaml: str) -> dict[str, dict[str, object]]:
    document = parse_yaml(yaml, "trunkline.yaml")
    return read_prices(document, document.mapping(document.root, "the file")["prices"])


def test_a_price() -> None:
    """Dollars for a million tokens, as integers; a tier and a large input say what differs there."""
    prices = read(
        """
prices:
  "openai/gpt-5-mini":
    input: "0.25"
    output: "2.00"
    cached_input: 0.025
    web_search: "0.01"
    flex: {input: "0.125", above_200000: {output: 2}}
    above_200000: {output: 3}
"""
    )
    price = prices["openai/gpt-5-mini"]
    assert price == {
        "input": 250_000_000,
        "output": 2_000_000_000,
        "cached_input": 25_000_000,
        "web_search": 10_000_000,
        "flex": {"input": 125_000_000, ">200000": {"output": 2_000_000_000}},
        ">200000": {"output": 3_000_000_000},
    }
    assert describe_price(price) == "input 0.25, output 2, cached_input 0.025, web_search 0.01"


@pytest.mark.parametrize(
    ("price", "said"),
    [
        (
            "gpt-5: {input: 1, output: 1}",
            "line 2: `prices.gpt-5` should name a model with its account, like openai/gpt-5",
        ),
        ("a/b: {input: 1}", "line 2: `prices.a/b` lacks `output`"),
        ("a/b: {inptu: 1, output: 1}", "`prices.a/b.inptu` is not a price; did you mean `input`?"),
        ("a/b: {input: -1, output: 1}", "`prices.a/b.input` dollars are written like 12 or 0.25"),
        ("a/b: {input: 1e3, output: 1}", "`prices.a/b.input` dollars are written like 12 or 0.25"),
        ("a/b: 3", "`prices.a/b` should be a mapping"),
        ("a/b: {above_x: {}}", "`prices.a/b.above_x` is not a price"),
        ("a/b: {flex: {batch: {input: 1}}}", "`prices.a/b.flex.batch` is not a price"),
        ("a/b: {above_9: {flex: {input: 1}}}", "`prices.a/b.above_9.flex` is not a price"),
        ("a/b: {above_9: {above_10: {input: 1}}}", "`prices.a/b.above_9.above_10` is not a price"),
    ],
)
def test_what_is_no_price(price: str, said: str) -> None:
    """It says where it stands, and what would be right."""
    with pytest.raises(ConfigError) as caught:
        read(f"prices:\n  {price}\n")
    assert said in str(caught.value)
