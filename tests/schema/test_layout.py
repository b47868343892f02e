import struct

import pytest

from qref.schema import builtin_code, builtin_name, newer, verifier
from qref.schema.layout import layout, snake_case, union

litert = pytest.importorskip("ai_edge_litert.schema_py_generated")

TABLES = sorted(name for name in vars(litert) if hasattr(litert, f"{name}Start"))
SCALARS = {
    "PrependBoolSlot": "?",
    "PrependInt8Slot": "b",
    "PrependUint8Slot": "B",
    "PrependInt32Slot": "i",
    "PrependUint32Slot": "I",
    "PrependInt64Slot": "q",
    "PrependUint64Slot": "Q",
    "PrependFloat32Slot": "f",
}


class Recorder:
    """A flatbuffers builder that notes what it is asked to write."""

    def __getattr__(self, method):
        return lambda *arguments: (method, *arguments)

    def __call__(self, function, *arguments):
        recorded = []
        self.__dict__.update({name: lambda *a, name=name: recorded.append((name, *a)) for name in [*SCALARS, *OTHERS]})
        function(self, *arguments)
        return recorded[0]


OTHERS = ["PrependUOffsetTRelativeSlot", "StartObject", "StartVector"]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_the_slots_types_and_defaults_of_the_writers_of_litert(table):
    written = {}
    for name, function in vars(litert).items():
        field = name.removeprefix(f"{table}Add")
        if name.startswith(f"{table}Add") and field[:1].isupper() and f"{table}T" in vars(litert):
            method, slot, _, default = Recorder()(function, 0)
            vector = vars(litert).get(f"{table}Start{field}Vector")
            size = Recorder()(vector, 1)[1] if vector else None
            written[slot] = (snake_case(field), SCALARS.get(method, ""), default, size)
    ours = {
        f.slot: (
            f.name,
            "" if f.vector else f.scalar,
            f.default or 0,
            struct.calcsize("<" + (f.scalar or "I")) if f.vector else None,
        )
        for f in layout(table).fields
    }
    assert ours == written


@pytest.mark.parametrize("name", ["BuiltinOptions", "BuiltinOptions2", "QuantizationDetails", "SparseIndexVector"])
def test_every_union_has_the_tables_of_litert(name):
    assert union(name) == {code: table for table, code in vars(getattr(litert, name)).items() if isinstance(code, int) and code}


def test_every_builtin_operator_has_the_code_of_litert():
    codes = {name: code for name, code in vars(litert.BuiltinOperator).items() if isinstance(code, int)}
    assert {name: builtin_code(name) for name in codes} == codes
    assert {builtin_name(code) for code in codes.values()} == set(codes)


def test_what_is_declared_by_hand_is_missing_from_the_bindings():
    import tflite

    assert not [name for name in newer.TABLES if hasattr(tflite, name)]
    for table, fields in newer.FIELDS.items():
        known = {snake_case(name) for name in vars(getattr(tflite, table))}
        assert not known & {name for _, name, _ in fields}


def test_an_unknown_builtin_has_a_name_that_leads_back_to_its_code():
    assert builtin_name(4711) == "UNKNOWN_4711"
    assert builtin_code("UNKNOWN_4711") == 4711
    with pytest.raises(KeyError, match="CONV2D"):
        builtin_code("CONV2D")


def test_no_table_has_more_slots_than_the_verifier_reads():
    assert max(f.slot for table in TABLES for f in layout(table).fields) < verifier._MAX_SLOTS


def test_a_table_that_is_not_in_the_schema_is_a_key_error():
    with pytest.raises(KeyError):
        layout("Conv4DOptions")
