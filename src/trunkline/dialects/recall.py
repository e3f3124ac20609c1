"""Thought that a caller's API has no place for, or whose clients drop it, kept by call id for the next turn.

Some models must get the thought back that led to a call. A `Notebook` listens to an answer and writes down, for each
call, the steps before it; `give_back` puts them where they are missing. Knows no wire, and not where notes are kept.
"""

from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from trunkline.events import (
    AnnotationAdded,
    Event,
    ItemEnded,
    ItemStarted,
    ModelResponse,
    PartStarted,
    ResponseEnded,
    TextAdded,
)
from trunkline.folding import Fold
from trunkline.items import Carrier, Item, Message, Reasoning, ToolCall


class Thought(Struct, frozen=True, omit_defaults=True):
    """What belongs to one call: steps before the text of its turn, steps between that and the call, and its carrier."""

    before_text: list[Reasoning] = field(default_factory=list)
    before_call: list[Reasoning] = field(default_factory=list)
    carrier: Carrier | None = None

    @property
    def steps(self) -> list[Reasoning]:
        return [*self.before_text, *self.before_call]


Recall = Callable[[str], Thought | None]
"""The thought that belongs to a call id, if it is still known."""

Remember = Callable[[str, Thought], None]


# --- writing down -----------------------------------------------------------------------------------------------


class Notebook:
    """Listens to one answer's events, and remembers at its proper end."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._fold = Fold()
        self._watched: set[int] = set()
        self._before_text: list[Reasoning] = []
        self._before_call: list[Reasoning] = []
        self._calls: dict[int, tuple[str, Thought]] = {}

    def listen(self, events: list[Event]) -> list[Event]:
        """Take note; the events themselves are as they were."""
        for event in events:
            # Text is nearly everything, and nothing to be noted.
            if type(event) is not TextAdded or event.kind in ("reasoning", "summary"):
                self._note(event)
        return events

    def _note(self, event: Event) -> None:
        match event:
            case ItemStarted(item=Reasoning()):
                self._watched.add(event.index)
                self._fold.add(event)
            case ItemStarted(item=ToolCall() as call):
                thought = Thought(self._before_text, self._before_call)
                self._calls[event.index] = (call.call_id, thought)
                self._before_text, self._before_call = [], []
            case PartStarted(kind="text") if not self._calls:
                self._before_text += self._before_call
                self._before_call = []
            case ItemEnded() if event.index in self._calls:
                call_id, thought = self._calls[event.index]
                self._calls[event.index] = (call_id, replace(thought, carrier=event.carrier))
            case ItemEnded() if event.index in self._watched:
                self._fold.add(event)
                self._keep(event.index)
            case PartStarted() | TextAdded() | AnnotationAdded() if event.index in self._watched:
                self._fold.add(event)
            case ResponseEnded():
                for call_id, thought in self._calls.values():
                    if call_id and (thought.steps or thought.carrier is not None):
                        self._remember(call_id, thought)
            case _:
                pass

    def _keep(self, index: int) -> None:
        step = self._fold.item(index)
        if isinstance(step, Reasoning) and (step.carrier is not None or step.summary or step.content):
            self._before_call.append(replace(step, status=None))


def holds_thought(answer: ModelResponse) -> bool:
    """Whether a whole answer has anything to be written down."""
    return any(type(item) is Reasoning or (type(item) is ToolCall and item.carrier) for item in answer.items)


# --- giving back ------------------------------------------------------------------------------------------------


_STEPS = frozenset({Reasoning, ToolCall})


def give_back(items: list[Item], recall: Recall) -> list[Item]:
    """The history with each call's thought before it, where the client kept none of its turn's, or its text alone."""
    if not any(type(item) is ToolCall for item in items):
        return items
    given: list[Item] = []
    turn: list[Item] = []
    for item in items:
        if type(item) in _STEPS or (type(item) is Message and item.role == "assistant"):
            turn.append(item)
            continue
        given += _complete(turn, recall)
        turn = []
        given.append(item)
    return given + _complete(turn, recall)


def _complete(turn: list[Item], recall: Recall) -> list[Item]:
    if not any(isinstance(item, ToolCall) for item in turn):
        return turn
    thoughts = {item.call_id: recall(item.call_id) for item in turn if isinstance(item, ToolCall)}
    if not any(thoughts.values()):
        return turn
    is_kept = any(isinstance(item, Reasoning) and item.carrier is not None for item in turn)
    is_known = any(thought is not None and thought.steps for thought in thoughts.values())
    first: list[Item] = []
    rest: list[Item] = []
    for item in turn:
        if isinstance(item, Reasoning) and is_known and not is_kept:
            continue  # its text alone: the whole of it is known
        thought = thoughts[item.call_id] if isinstance(item, ToolCall) else None
        if thought is not None and isinstance(item, ToolCall):
            if not is_kept:
                first += thought.before_text
                rest += thought.before_call
            item = item if item.carrier is not None else replace(item, carrier=thought.carrier)
        rest.append(item)
    return first + rest
