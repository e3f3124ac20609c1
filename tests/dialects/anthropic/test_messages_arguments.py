"""Arguments as an object."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.dialects.anthropic.arguments import read_arguments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" ", {}),
        ("null", {}),
        ('{"a":1}', {"a": 1}),
        ("[1]", {"input": [1]}),
        ('"x"', {"input": "x"}),
        ("oops", {"input": "oops"}),
        ("{", {}),
        ('{"a', {}),
        ('{"a":', {}),
        ('{"a":"unfin', {}),
        ('{"a":1', {}),
        ('{"a":1,', {"a": 1}),
        ('{"a":1,"b', {"a": 1}),
        ('{"a":1,"b"', {"a": 1}),
        ('{"a":true,"b":tru', {"a": True}),
        ('{"a":[1,{"b":"}"},', {"a": [1, {"b": "}"}]}),
        ('{"a":{"b":"\\"', {"a": {}}),
        ("}{", {"input": "}{"}),
    ],
)
def test_what_is_whole_of_the_text_is_read(text: str, expected: dict[str, Any]) -> None:
    """Members that were not finished are left out; what is no object stands under `input`."""
    assert read_arguments(text) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), st.data())
def test_any_cut_gives_an_object(value: dict[str, Any], data: st.DataObject) -> None:
    """Members that were whole at the cut are there, unchanged, in their order."""
    text = json.dumps(value, ensure_ascii=False)
    cut = data.draw(st.integers(0, len(text)))
    seen = read_arguments(text[:cut])
    assert list(seen) == list(value)[: len(seen)]
    for name in list(seen)[:-1]:
        assert seen[name] == value[name]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet='{}[]:,"\\ab1 t', max_size=20))
def test_any_text_gives_an_object(text: str) -> None:
    """Models write what they like."""
    assert isinstance(read_arguments(text), dict)
