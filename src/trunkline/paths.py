"""Paths of the tree of teams: `/team/alpha/ana`. `/` is the root, and a path has everything below it."""

from trunkline.errors import InvalidRequest

ROOT = "/"

# Deep enough for any organisation; a path is remembered, logged and given back.
_MOST_CHARACTERS = 256


def read_path(text: str, param: str) -> str:
    """A path as it is kept: no slash at its end. Raises `InvalidRequest`, naming `param`, for what is none."""
    path = text if text == ROOT else text.removesuffix("/")
    words = path.split("/")[1:]
    is_sound = path == ROOT or (path[:1] == "/" and all(_is_word(word) for word in words))
    if not is_sound or "//" in text or len(path) > _MOST_CHARACTERS:
        raise InvalidRequest(
            f"`{param}` must be a path like /team/alpha: words of letters, digits and `-_.@+=:` behind slashes,"
            f" at most {_MOST_CHARACTERS} characters",
            param=param,
        )
    return path


def read_pattern(text: str, param: str) -> str:
    """A path, or with `/**` behind it everything below it as well, as `matches` takes it. Raises `InvalidRequest`."""
    plain = text.removesuffix("/**")
    if plain == text:
        return read_path(text, param)
    top = read_path(plain or ROOT, param)
    return f"{'' if top == ROOT else top}/**"


def top_of(pattern: str) -> str:
    """The path at whose place a pattern stands."""
    return pattern.removesuffix("/**") or ROOT


def is_within(path: str, top: str) -> bool:
    """Whether a path is `top` itself or below it."""
    return top == ROOT or path == top or path.startswith(top + "/")


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern means this path. `**` at its end stands for the path before it and everything below that."""
    if pattern.endswith("/**"):
        return is_within(path, pattern[:-3] or ROOT)
    return path == pattern


def _is_word(word: str) -> bool:
    return word not in ("", ".", "..") and all(
        char.isascii() and (char.isalnum() or char in "-_.@+=:") for char in word
    )
