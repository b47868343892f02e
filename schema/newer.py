"""What the schema has and the `tflite` bindings (2.18) do not: declared here by hand, all of it, and nothing else.

Each entry is in the notation of the schema itself: (field name, type), in the order of its slots. A type is a scalar
("int8", "uint32", ...), "string", or one of these in brackets for a vector; a table's name stands for that table.
Once the bindings know an entry, the bindings are used and the entry may go.
Source: LiteRT 2.3 schema.fbs; compared with LiteRT's own bindings in tests/schema/test_layout.py.
"""

from __future__ import annotations

TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "BlockwiseQuantization": (("scales", "int32"), ("zero_points", "int32"), ("block_size", "int32"), ("block_shape", "[int32]")),
    "MultiAxisQuantization": (
        ("scales", "int32"),
        ("zero_points", "int32"),
        ("block_size", "int32"),
        ("quantized_dimensions", "[int32]"),
    ),
    "StablehloCaseOptions": (("branch_subgraph_indices", "[int32]"),),
    "ExternalBufferGroup": (("name", "string"),),
    "ExternalBuffer": (("id", "uint32"), ("group", "uint32"), ("offset", "uint64"), ("length", "uint64"), ("packing", "string")),
}

FIELDS: dict[str, tuple[tuple[int, str, str], ...]] = {
    "Model": ((8, "external_buffer_groups", "[ExternalBufferGroup]"), (9, "external_buffers", "[ExternalBuffer]")),
    "Tensor": ((10, "external_buffer", "uint32"),),
    "FullyConnectedOptions": ((5, "quant_spec", "[uint8]"),),
}

UNIONS: dict[str, dict[int, str]] = {
    "QuantizationDetails": {2: "BlockwiseQuantization", 3: "MultiAxisQuantization"},
    "BuiltinOptions2": {23: "StablehloCaseOptions"},
}

BUILTIN_OPERATORS: dict[str, int] = {"STABLEHLO_CASE": 209}
