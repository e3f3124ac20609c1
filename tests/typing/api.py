"""A program that uses trunkline as a library, checked by mypy and never run: the public types are enough for it."""

from trunkline.call import Call, Reply, Sink, Source, Stream
from trunkline.clock import Clock, FakeClock, SystemClock
from trunkline.errors import InvalidRequest, TrunklineError
from trunkline.ports import Keys
from trunkline.principal import Principal
from trunkline.usage import Usage, from_inclusive


class OneKey:
    """Keys of a single holder."""

    def find(self, presented: bytes) -> Principal | None:
        return Principal(name="ana", path="/team/alpha/ana") if presented == b"sk-test" else None


class Collected:
    """A client that keeps what it is sent."""

    def __init__(self) -> None:
        self.data = b""

    def attach(self, source: Source) -> None:
        source.resume()

    def write(self, data: bytes) -> None:
        self.data += data


async def body_of(reply: Reply) -> bytes:
    """A reply's whole body, whether it was made at once or is still being made."""
    if isinstance(reply.body, bytes):
        return reply.body
    stream: Stream = reply.body
    client = Collected()
    sink: Sink = client
    await stream.pour(sink)
    return client.data


def describe(error: TrunklineError) -> str:
    status: int = error.status
    code: str | None = error.code
    return f"{status} {code}: {error.message}"


keys: Keys = OneKey()
clocks: list[Clock] = [SystemClock(), FakeClock()]
call = Call(method="POST", path="/v1/responses", headers={b"authorization": b"Bearer sk-test"}, body=b"{}")
usage: Usage = from_inclusive(100, 20, cached=40, reasoning=5)
text: str = describe(InvalidRequest("`model` is missing", param="model"))
