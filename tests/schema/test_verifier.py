"""Bytes that no writer wrote: for each, load returns a Model or raises InvalidModel, soon and in little memory."""

import struct
import time
import tracemalloc

import flatbuffers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from schema_samples import SAMPLES, convolution, everything

from qref.schema import InvalidModel, Limits, Model, load, write
from qref.schema.verifier import verify

CONTENTS = [write(sample()) for sample in SAMPLES]


def loads_or_refuses(content):
    """Load the bytes and read every constant; only InvalidModel may come out."""
    try:
        model = load(content)
        assert isinstance(model, Model)
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                model.data(tensor)
        load(write(model))
    except InvalidModel:
        return False
    return True


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(content):
    with pytest.raises(InvalidModel):
        load(content)


@given(st.binary(max_size=200))
def test_random_bytes_with_the_file_identifier_load_or_are_refused(content):
    loads_or_refuses(content[:4] + b"TFL3" + content[4:])


@given(st.sampled_from(CONTENTS), st.data())
def test_a_truncated_file_loads_or_is_refused(content, data):
    loads_or_refuses(content[: data.draw(st.integers(0, len(content) - 1))])


@given(st.sampled_from(CONTENTS), st.data())
def test_a_file_with_flipped_bits_loads_or_is_refused(content, data):
    mutated = bytearray(content)
    for place in data.draw(st.lists(st.integers(0, 8 * len(content) - 1), min_size=1, max_size=8)):
        mutated[place // 8] ^= 1 << place % 8
    loads_or_refuses(bytes(mutated))


@given(st.sampled_from(CONTENTS), st.data())
def test_a_file_with_extreme_words_loads_or_is_refused(content, data):
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) // 4 - 1)) * 4
        word = data.draw(st.sampled_from([0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x40000000, len(content), place]))
        struct.pack_into("<I", mutated, place, word)
    loads_or_refuses(bytes(mutated))


@pytest.mark.parametrize("content", CONTENTS, ids=[sample.__name__ for sample in SAMPLES])
def test_every_single_byte_may_be_lost(content):
    for place in range(0, len(content), 7):
        loads_or_refuses(content[:place] + content[place + 1 :])


class Raw:
    """Builds flatbuffers by hand, right or wrong."""

    def __init__(self):
        self.builder = flatbuffers.Builder(1 << 16)

    def table(self, **slots):
        """Fields by slot, "s3"=(size, value): the size in bytes, 0 for an offset."""
        self.builder.StartObject(16)
        for name, (size, value) in slots.items():
            slot = int(name[1:])
            if size == 0:
                self.builder.PrependUOffsetTRelativeSlot(slot, value, 0)
            else:
                flags = {1: "Int8Flags", 4: "Int32Flags", 8: "Uint64Flags"}[size]
                self.builder.PrependSlot(getattr(flatbuffers.number_types, flags), slot, value, -99 if size < 8 else 99)
        return self.builder.EndObject()

    def vector(self, offsets):
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

    def finish(self, **slots):
        self.builder.Finish(self.table(**slots), file_identifier=b"TFL3")
        return bytes(self.builder.Output())


def patched(content, old, new):
    assert content.count(old) >= 1
    return content.replace(old, new, 1)


def test_a_vector_that_claims_two_billion_elements_is_refused():
    raw = Raw()
    shape = raw.builder.CreateNumpyVector(np.array([77, 78, 79], np.int32))
    graph = raw.table(s0=(0, raw.vector([raw.table(s0=(0, shape))])))
    content = raw.finish(s0=(4, 3), s2=(0, raw.vector([graph])))
    assert load(content).subgraphs[0].tensors[0].shape == (77, 78, 79)
    for count in (1 << 31, (1 << 32) - 1, 1000):
        hostile = patched(content, struct.pack("<4I", 3, 77, 78, 79), struct.pack("<4I", count, 77, 78, 79))
        with pytest.raises(InvalidModel, match=rf"Tensor\.shape at byte \d+: expected at most \d+ elements.*found {count}"):
            load(hostile)


def test_a_string_without_its_final_zero_is_refused():
    content = write(convolution())
    with pytest.raises(InvalidModel, match=r"Model\.description at byte .*zero byte"):
        load(patched(content, b"one convolution\0", b"one convolution!"))


def test_a_root_outside_the_file_is_refused():
    content = bytearray(write(convolution()))
    for root in (0, 3, len(content), 1 << 31, (1 << 32) - 1):
        struct.pack_into("<I", content, 0, root)
        with pytest.raises(InvalidModel, match=r"at byte"):
            load(bytes(content))


def test_a_vtable_before_the_file_is_refused():
    content = bytearray(write(convolution()))
    root = struct.unpack_from("<I", content)[0]
    struct.pack_into("<i", content, root, root + 2)
    with pytest.raises(InvalidModel, match=r"table Model .*vtable"):
        load(bytes(content))


def test_a_vtable_of_odd_length_is_refused():
    content = bytearray(write(convolution()))
    root = struct.unpack_from("<I", content)[0]
    vtable = root - struct.unpack_from("<i", content, root)[0]
    content[vtable] |= 1
    with pytest.raises(InvalidModel, match=r"vtable of Model .*even length"):
        load(bytes(content))


def test_another_file_identifier_is_refused():
    with pytest.raises(InvalidModel, match=r"not a \.tflite file: expected b'TFL3'.*found b'TOCO'"):
        load(write(convolution()).replace(b"TFL3", b"TOCO"))


def refused_quickly(content, match="Limits"):
    """Refuse the bytes within a second and 64 MiB."""
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(InvalidModel, match=match):
        load(content)
    assert time.perf_counter() - start < 5  # under tracemalloc, which slows down ten times
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


def test_a_table_that_begins_in_its_own_offset_is_empty_as_in_litert():
    raw = Raw()
    content = raw.finish(s0=(4, 3), s4=(0, raw.vector([raw.table(s1=(8, 50))])))
    (place,) = [i for i in range(0, len(content) - 8, 4) if struct.unpack_from("<I", content, i)[0] == 1]
    content = content[: place + 4] + bytes(4) + content[place + 8 :]
    assert load(content).buffers[0].data == b""


def test_a_bomb_of_shared_tables_is_refused():
    """12 KB that the bindings take for a million tensors: 1000 subgraphs share a vector of 1000 offsets to one tensor."""
    raw = Raw()
    tensors = raw.vector([raw.table(s1=(1, 9))] * 1000)
    content = raw.finish(s0=(4, 3), s2=(0, raw.vector([raw.table(s0=(0, tensors))] * 1000)))
    assert len(content) < 12_000
    refused_quickly(content, "max_tables")


def test_a_bomb_of_shared_vectors_is_refused():
    raw = Raw()
    shape = raw.builder.CreateNumpyVector(np.ones(2000, np.int32))
    tensor = raw.table(s0=(0, shape))
    content = raw.finish(s0=(4, 3), s2=(0, raw.vector([raw.table(s0=(0, raw.vector([tensor] * 2000)))])))
    refused_quickly(content, "max_sharing")


def test_a_bomb_of_overlapping_vtables_costs_little():
    """Each of 3000 empty tables has a vtable of its own, 12 KB long and twelve bytes behind the one before."""
    count = 3000
    head = 64 + 4 * count
    content = bytearray(head + 4 * count + 12 * count + 40_000)
    struct.pack_into("<I4s", content, 0, 40, b"TFL3")
    struct.pack_into("<14H", content, 12, 28, 28, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0)
    struct.pack_into("<iI", content, 40, 28, 16)
    struct.pack_into("<I", content, 60, count)
    vtables = head + 4 * count
    for i in range(count):
        struct.pack_into("<I", content, 64 + 4 * i, head - 64)
        struct.pack_into("<i", content, head + 4 * i, head + 4 * i - vtables - 12 * i)
        struct.pack_into("<H", content, vtables + 12 * i, 12_000)
    tracemalloc.start()
    assert len(load(bytes(content)).buffers) == count
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_a_bomb_of_shared_strings_is_refused():
    raw = Raw()
    tensor = raw.table(s3=(0, raw.builder.CreateString("x" * 100_000)))
    content = raw.finish(s0=(4, 3), s2=(0, raw.vector([raw.table(s0=(0, raw.vector([tensor] * 20_000)))])))
    refused_quickly(content, "max_sharing")


def test_a_bomb_of_shared_buffers_costs_nothing():
    """Constants are views: ten thousand buffers may share a megabyte."""
    raw = Raw()
    data = raw.builder.CreateByteVector(bytes(1 << 20))
    content = raw.finish(s0=(4, 3), s4=(0, raw.vector([raw.table(s0=(0, data))] * 10_000)))
    model = load(content)
    assert sum(len(buffer.data) for buffer in model.buffers) == 10_000 << 20


def test_a_bomb_of_custom_options_outside_the_flatbuffer_is_refused():
    raw = Raw()
    operator = raw.table(s9=(8, 8), s10=(8, 8000))
    graph = raw.table(s3=(0, raw.vector([operator] * 2000)))
    content = raw.finish(s0=(4, 3), s1=(0, raw.vector([raw.table(s3=(4, 32))])), s2=(0, raw.vector([graph])))
    refused_quickly(content, "max_sharing")


def test_a_table_that_contains_itself_is_no_cycle():
    """Offsets only lead forwards, so the deepest chain the schema allows is short: a table read as its own child ends there."""
    content = bytearray(write(convolution()))
    for place in range(0, len(content) - 3, 4):
        for offset in (0, 4):
            mutated = bytearray(content)
            struct.pack_into("<I", mutated, place, offset)
            loads_or_refuses(bytes(mutated))


def test_limits_can_be_narrowed():
    content = write(everything())
    for limits in (Limits(max_tables=3), Limits(max_depth=1)):
        with pytest.raises(InvalidModel, match="Limits"):
            load(content, limits=limits)


def test_an_unknown_union_type_is_kept_as_such():
    raw = Raw()
    operator = raw.table(s3=(1, 127), s4=(0, raw.table(s0=(4, 5))))
    graph = raw.table(s3=(0, raw.vector([operator])))
    content = raw.finish(s0=(4, 3), s1=(0, raw.vector([raw.table(s3=(4, 3))])), s2=(0, raw.vector([graph])))
    options = load(content).subgraphs[0].operators[0].options
    assert options.table == "UNKNOWN_127"
    with pytest.raises(InvalidModel, match="UNKNOWN_127 is not in BuiltinOptions and cannot be written"):
        write(load(content))


def test_fields_newer_than_the_schema_are_skipped():
    raw = Raw()
    content = raw.finish(s0=(4, 3), s14=(4, 1), s15=(0, raw.table()))
    assert load(content).version == 3


def test_large_custom_options_outside_the_flatbuffer_are_read():
    raw = Raw()
    custom = raw.builder.CreateString("Mine")
    code = raw.table(s1=(0, custom), s3=(4, 32))
    graph = raw.table(s3=(0, raw.vector([raw.table(s9=(8, 1 << 40), s10=(8, 7))])))
    content = raw.finish(s0=(4, 3), s1=(0, raw.vector([code])), s2=(0, raw.vector([graph])))
    with pytest.raises(InvalidModel, match="custom options: expected bytes 1099511627776 to 1099511627783"):
        load(content)
    content = patched(content, struct.pack("<Q", 1 << 40), struct.pack("<Q", len(content)))
    operator = load(content + b"options" + b"more").subgraphs[0].operators[0]
    assert (operator.name, operator.custom_options) == ("Mine", b"options")


def test_an_external_buffer_behind_the_end_is_refused():
    raw = Raw()
    content = raw.finish(s0=(4, 3), s4=(0, raw.vector([raw.table(s1=(8, 100), s2=(8, (1 << 64) - 1))])))
    with pytest.raises(InvalidModel, match="buffer 0: expected bytes 100 to"):
        load(content)


def test_a_buffer_offset_of_0_or_1_stands_for_none():
    for offset in (0, 1):
        raw = Raw()
        content = raw.finish(s0=(4, 3), s4=(0, raw.vector([raw.table(s1=(8, offset), s2=(8, 50))])))
        assert load(content).buffers[0].data == b""


def test_misaligned_scalars_are_refused_as_by_litert(run_litert):
    content = write(convolution())
    shifted = content[:8] + b"\0\0" + content[8:]
    shifted = struct.pack("<I", struct.unpack_from("<I", content)[0] + 2) + shifted[4:]
    with pytest.raises(InvalidModel, match="aligned"):
        verify(shifted)
    (answer,) = run_litert([shifted])
    assert isinstance(answer, str)


def test_what_litert_loads_loads(run_litert):
    """Files with single changed bytes: whatever LiteRT accepts, load accepts."""
    rng = np.random.default_rng(5)
    mutants = []
    for content in CONTENTS[:3]:
        for _ in range(120):
            mutated = bytearray(content)
            mutated[rng.integers(8, len(content))] = rng.choice([0, 1, 2, 4, 8, 16, 127, 128, 255])
            mutants.append(bytes(mutated))
    accepted = 0
    for mutant, answer in zip(mutants, run_litert(mutants)):
        if not isinstance(answer, str):
            load(mutant)
            accepted += 1
    assert accepted > 50
