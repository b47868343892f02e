"""The file: bytes <-> Model, Subgraph, Operator, Tensor. No arithmetic here."""
