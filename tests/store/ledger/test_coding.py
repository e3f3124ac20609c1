"""Records come back as they were, also from files of another version."""

import msgspec

from recorded import attempt, record
from trunkline.money import Tariff, fill_rates
from trunkline.records import Attempt
from trunkline.store.ledger.coding import NAMES, Names, encode_record, make_decoder
from trunkline.usage import Usage

decode = make_decoder(NAMES)


def test_round_trip() -> None:
    """Every field, but for what an attempt could have cost elsewhere."""
    one = record(attempts=[attempt(), attempt(usage=Usage(web_searches=2, tier="priority"), cost=None, rates=None)])
    assert decode(encode_record(one)) == one
    priced = attempt(tariff=Tariff(fill_rates({"input": 1, "output": 2})))
    assert decode(encode_record(record(attempts=[priced]))) == record()


def test_what_cannot_be_written() -> None:
    """Halves of surrogate pairs and numbers beyond all measure do not keep a record from being kept."""
    odd = decode(encode_record(record(url="/\ud800", usage=Usage(10**30))))
    assert (odd.url, odd.usage.input_tokens) == ("/?", 2**63 - 1)


def test_far_too_long() -> None:
    """What says too much of itself is cut."""
    assert len(decode(encode_record(record(error_detail="x" * 2_000_000))).error_detail) == 4096


def test_of_an_older_version() -> None:
    """What it did not know is empty, in whatever order it wrote."""
    unknown = {"dropped", "error_detail", "first_byte_micros", "duration_micros"}
    names = Names(tuple(name for name in reversed(NAMES.record) if name not in unknown), NAMES.attempt[:3])
    values = {name: getattr(record(), name) for name in names.record}
    values["attempts"] = [[getattr(attempt(), name) for name in names.attempt]]
    read = make_decoder(names)(msgspec.msgpack.encode(list(values.values())))
    bare = Attempt(attempt().target, None, attempt().started_at_micros)
    assert read == record(attempts=[bare], dropped=[], error_detail="", first_byte_micros=None, duration_micros=0)


def test_of_a_newer_version() -> None:
    """What is not known here is left out."""
    names = Names((*NAMES.record, "mood"), (*NAMES.attempt, "weather"))
    values = msgspec.msgpack.decode(encode_record(record()))
    values.append("glad")
    for each in values[NAMES.record.index("attempts")]:
        each.append("fair")
    assert make_decoder(names)(msgspec.msgpack.encode(values)) == record()
