"""A sparse constant -> the dense array that it stands for.

A sparse tensor of rank n is first seen as blocks: k of its dimensions are split into (block number, place in the block),
which makes n + k dimensions, numbered 0 ... n-1 and n ... n+k-1; block_map names the k that were split. They are then
stored as a tree, one level for each dimension in traversal_order: a dense level has a child for every index, a sparse
one (CSR) those in array_indices[array_segments[p] : array_segments[p + 1]] for the p-th node above. The leaves, in order,
are the stored values; every other element is 0.
Source: the comments on SparsityParameters in the TFLite schema; compared with LiteRT's DENSIFY in tests/schema.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from .errors import InvalidModel
from .model import DimensionMetadata, Sparsity

_CSR = 1


def densify(values: np.ndarray, shape: tuple[int, ...], sparsity: Sparsity) -> np.ndarray:
    """The dense array.

    values    the stored values, flat
    shape     of the dense tensor
    Raises InvalidModel where the tree does not fit the shape or the number of values.
    """
    sizes = _level_sizes(shape, sparsity)
    _check_levels(len(values), sizes, sparsity)
    node = np.zeros(1, np.int64)  # each node's place among those of its level
    coordinates: list[np.ndarray] = []  # for each level above, the index that leads to each node
    for size, level in zip(sizes, sparsity.dim_metadata):
        if level.format == _CSR:
            assert level.array_segments is not None  # _check_levels saw both
            assert level.array_indices is not None
            segments = level.array_segments.astype(np.int64)
            children = segments[node + 1] - segments[node]
            parent = np.repeat(np.arange(len(node)), children)
            node = np.arange(len(parent)) + np.repeat(segments[node] - np.cumsum(children) + children, children)
            index = level.array_indices.astype(np.int64)[node]
        else:
            parent = np.repeat(np.arange(len(node)), size)
            index = np.tile(np.arange(size), len(node))
            node = node[parent] * size + index
        coordinates = [above[parent] for above in coordinates] + [index]
    dense = np.zeros(shape, values.dtype)
    dense[_original_coordinates(coordinates, sizes, len(shape), sparsity)] = values
    return dense


def _level_sizes(shape: tuple[int, ...], sparsity: Sparsity) -> list[int]:
    """How many indices the dimension of each level has."""
    order, rank = sparsity.traversal_order, len(shape)
    blocks = len(order) - rank
    if sorted(order[:rank]) != list(range(rank)) or sorted(order[rank:]) != list(range(rank, rank + max(0, blocks))):
        _fail(f"a traversal order of the {rank} dimensions, then of the blocks'", order)
    if len(sparsity.dim_metadata) != len(order) or len(sparsity.block_map) != blocks:
        counts = f"{len(sparsity.dim_metadata)} and {len(sparsity.block_map)}"
        _fail(f"{len(order)} levels and {blocks} block dimensions", counts)
    by_dimension = dict(enumerate(shape))
    for level in range(rank, len(order)):
        size = sparsity.dim_metadata[level].dense_size
        split = sparsity.block_map[order[level] - rank]
        if not 0 <= split < rank or size <= 0 or by_dimension[split] % size:
            _fail("blocks that divide the dimension they split", f"dimension {split} of {shape} in blocks of {size}")
        by_dimension[split] //= size
        by_dimension[order[level]] = size
    return [by_dimension[dimension] for dimension in order]


def _check_levels(count: int, sizes: list[int], sparsity: Sparsity) -> None:
    """Hold every level against its size and the nodes above it, and the leaves against the values, before any is made."""
    nodes = 1
    for number, (size, level) in enumerate(zip(sizes, sparsity.dim_metadata)):
        if level.format == _CSR:
            nodes = _check_csr(number, nodes, size, level)
        elif level.format == 0 and level.dense_size == size:
            nodes *= size
        else:
            _fail(f"level {number} dense with {size} indices, or CSR", f"format {level.format} with {level.dense_size}")
    if nodes != count:
        _fail(f"{nodes} stored values", str(count))


def _check_csr(number: int, nodes: int, size: int, level: DimensionMetadata) -> int:
    segments, indices = level.array_segments, level.array_indices
    if segments is None or indices is None:
        _fail(f"level {number} with segments and indices", "none")
    steps = np.diff(segments.astype(np.int64))
    if len(segments) != nodes + 1 or segments[0] != 0 or (steps < 0).any() or segments[-1] != len(indices):
        _fail(f"level {number} with {nodes + 1} rising segments from 0 to {len(indices)}", f"{len(segments)} segments")
    if len(indices) and not (int(indices.min()) >= 0 and int(indices.max()) < size):
        _fail(f"level {number} with indices from 0 to {size - 1}", f"{indices.min()} to {indices.max()}")
    return len(indices)


def _original_coordinates(
    coordinates: list[np.ndarray], sizes: list[int], rank: int, sparsity: Sparsity
) -> tuple[np.ndarray, ...]:
    """For each dimension of the dense tensor, the index of every value: block number * block size + place in the block."""
    original = {dimension: coordinates[level] for level, dimension in enumerate(sparsity.traversal_order[:rank])}
    for level in range(rank, len(coordinates)):
        split = sparsity.block_map[sparsity.traversal_order[level] - rank]
        original[split] = original[split] * sizes[level] + coordinates[level]
    return tuple(original[dimension] for dimension in range(rank))


def _fail(expected: str, found: object) -> NoReturn:
    raise InvalidModel(f"sparse tensor: expected {expected}, found {found}; the file is damaged: convert it again")
