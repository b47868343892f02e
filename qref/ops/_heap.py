"""std::priority_queue and std::partial_sort as libstdc++ has them: how they order equal elements shows in LiteRT's detections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Item = TypeVar("Item")
Less = Callable[[Item, Item], bool]


def push(heap: list[Item], item: Item, less: Less[Item]) -> None:
    """Add an item to a heap whose first element is the greatest."""
    heap.append(item)
    _rise(heap, len(heap) - 1, 0, item, less)


def pop(heap: list[Item], less: Less[Item]) -> Item:
    """Remove and return the greatest item."""
    greatest, last = heap[0], heap.pop()
    if heap:
        _sink(heap, 0, len(heap), last, less)
    return greatest


def partial_sort(items: list[Item], count: int, less: Less[Item]) -> list[Item]:
    """The `count` least items in rising order."""
    heap = items[:count]
    for position in range(count // 2 - 1, -1, -1):
        _sink(heap, position, count, heap[position], less)
    for item in items[count:]:
        if count and less(item, heap[0]):
            _sink(heap, 0, count, item, less)
    return [pop(heap, less) for _ in range(count)][::-1]


def _rise(heap: list[Item], hole: int, top: int, item: Item, less: Less[Item]) -> None:
    parent = (hole - 1) // 2
    while hole > top and less(heap[parent], item):
        heap[hole], hole = heap[parent], parent
        parent = (hole - 1) // 2
    heap[hole] = item


def _sink(heap: list[Item], hole: int, length: int, item: Item, less: Less[Item]) -> None:
    """Let the hole sink to the bottom along the greater children, the right of equal ones, then the item rise from there."""
    top = child = hole
    while child < (length - 1) // 2:
        child = 2 * (child + 1)
        if less(heap[child], heap[child - 1]):
            child -= 1
        heap[hole], hole = heap[child], child
    if length % 2 == 0 and child == (length - 2) // 2:
        child = 2 * child + 1
        heap[hole], hole = heap[child], child
    _rise(heap, hole, top, item, less)
