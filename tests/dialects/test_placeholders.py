"""Texts with `{{name}}` in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.dialects.placeholders import fill, find_bad_placeholder, is_name, names_in

NAMES = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
PLAIN = st.text().filter(lambda text: "{" not in text and "}" not in text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Write a {{style}} poem", ["style"]),
        ("{{ a }}{{\tb\t}} and {{a}} again", ["a", "b", "a"]),
        ("{{größe}} {{a-b_9}}", ["größe", "a-b_9"]),
        ("{{{a}}}", ["a"]),
        ("{a} {{}} {{a b}} {{a\n}} {{ {{", []),
        ("", []),
    ],
)
def test_a_name_stands_in_two_braces_on_each_side(text: str, names: list[str]) -> None:
    """Blanks around it do not count."""
    assert names_in(text) == names


def test_a_name_has_at_most_64_characters() -> None:
    """A longer one is none."""
    assert is_name("a" * 64)
    assert not is_name("a" * 65)
    assert not is_name("")
    assert not is_name("a b")
    assert names_in("{{" + "a" * 65 + "}}") == []


@pytest.mark.parametrize(
    ("text", "bad"), [("{{a}} {{a b}} {{c d}}", "{{a b}}"), ("{{}}", "{{}}"), ("{{a}} {b} {", None)]
)
def test_what_was_meant_as_a_placeholder_is_found(text: str, bad: str | None) -> None:
    """Two braces on each side with no name between them are a slip."""
    assert find_bad_placeholder(text) == bad


@given(st.lists(st.tuples(PLAIN, NAMES), max_size=6), PLAIN, st.text())
def test_values_are_put_in_as_they_are(pairs: list[tuple[str, str]], end: str, value: str) -> None:
    """Whatever stands in a value, placeholders too, is text."""
    template = "".join(f"{text}{{{{{name}}}}}" for text, name in pairs) + end
    assert names_in(template) == [name for _, name in pairs]
    filled = "".join(fill(template, lambda name: f"{value}{{{{{name}}}}}"))
    assert filled == "".join(f"{text}{value}{{{{{name}}}}}" for text, name in pairs) + end


@given(st.text(alphabet="{} \ta", max_size=200))
def test_a_text_without_names_stays_as_it_is(text: str) -> None:
    """Only what is a placeholder is taken out."""
    assert "".join(fill(text, lambda name: f"{{{{{name}}}}}")).replace(" ", "").replace("\t", "") == text.replace(
        " ", ""
    ).replace("\t", "")
