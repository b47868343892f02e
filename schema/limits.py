"""How much of a file qref is ready to read and run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep the time and the memory of reading a file in proportion to its size, and those of running it finite.

    max_file_bytes    size of the whole file, bytes
    max_tables        tables visited; a table that is referred to n times counts n times
    max_depth         nesting of tables, and of subgraphs that call subgraphs
    max_sharing       bytes of vectors and strings visited, as a multiple of the file's size (plus 1 MiB), each counted as
                      often as it is referred to: files share what repeats, but a file that shares without end is a bomb
    max_tensor_bytes  one tensor, unpacked and densified, bytes
    max_total_bytes   all tensors of a subgraph that is to be run, bytes
    max_calls         subgraphs that operators call in one invoke, each turn of a loop being two
    """

    max_file_bytes: int = 4 << 30
    max_tables: int = 1_000_000
    max_depth: int = 64
    max_sharing: int = 8
    max_tensor_bytes: int = 2 << 30
    max_total_bytes: int = 16 << 30
    max_calls: int = 1 << 17
