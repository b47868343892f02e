"""What becomes of each operator, as a person can read and write it: a scheme for all, and rules for some.

    {"scheme": "full_integer",
     "rules": [{"operators": "UNIDIRECTIONAL_SEQUENCE_LSTM", "scheme": "dynamic_range"},
               {"names": ".*/classifier/.*", "scheme": "float"},
               {"operators": "FULLY_CONNECTED", "weight_bits": 4, "per_axis": false}]}

`operators` and `names` are regular expressions that must match the whole of an operator's name, or of one of its outputs' names.
The last rule that matches decides; what it leaves out is as in the one before it.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qref.errors import InputError
from qref.inputs import read_safely
from qref.quantizer.graph import Graph, Node
from qref.quantizer.rewrite import SCHEMES, Treatment


@dataclass(frozen=True, slots=True)
class Rule:
    """A treatment for the operators that match; what is None stays as it was."""

    operators: str = ".*"
    names: str = ".*"
    scheme: str | None = None
    weight_bits: int | None = None
    per_axis: bool | None = None

    def matches(self, node: Node) -> bool:
        """Whether it is about an operator."""
        named = any(re.fullmatch(self.names, value.name) for value in node.outputs)
        return bool(named and re.fullmatch(self.operators, node.name))

    def applied(self, before: Treatment) -> Treatment:
        """The treatment of an operator that matches."""
        per_axis = before.per_axis if self.per_axis is None else self.per_axis
        return Treatment(self.scheme or before.scheme, self.weight_bits or before.bits, per_axis)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A scheme for all operators, with weights per axis or per tensor, and rules for some."""

    scheme: str = "full_integer"
    rules: tuple[Rule, ...] = ()
    per_axis: bool = True

    def __post_init__(self) -> None:
        for rule in (Rule(scheme=self.scheme, per_axis=self.per_axis), *self.rules):
            if rule.per_axis not in (None, True, False):
                raise InputError(f"per_axis is {rule.per_axis!r}; it is true or false")
            if rule.scheme is not None and rule.scheme not in SCHEMES:
                raise InputError(f"{rule.scheme!r} is no scheme; it is one of {', '.join(SCHEMES)}")
            if rule.weight_bits not in (None, 4, 8):
                raise InputError(f"weight_bits is {rule.weight_bits!r}; it is 8 or 4")
            for pattern in (rule.operators, rule.names):
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise InputError(f"{pattern!r} is no regular expression: {error}") from None

    def treatment(self, node: Node) -> Treatment:
        """What becomes of an operator."""
        found = Treatment(self.scheme, per_axis=self.per_axis)
        for rule in self.rules:
            found = rule.applied(found) if rule.matches(node) else found
        return found

    def uses(self, *schemes: str) -> bool:
        """Whether any of these schemes may be applied."""
        return any(scheme in schemes for scheme in (self.scheme, *(rule.scheme for rule in self.rules)))

    def denying(self, operators: Iterable[str] = (), names: Iterable[str] = ()) -> Recipe:
        """The recipe with more rules: operators of these names, or with outputs of these names, stay float."""
        more = [Rule(operators=re.escape(name), scheme="float") for name in operators]
        more += [Rule(names=re.escape(name), scheme="float") for name in names]
        return replace(self, rules=(*self.rules, *more))

    def check(self, graphs: Sequence[Graph]) -> None:
        """Raise InputError for a rule that matches no operator."""
        nodes = [node for graph in graphs for node in graph.nodes]
        for number, rule in enumerate(self.rules):
            if not any(rule.matches(node) for node in nodes):
                raise InputError(
                    f"rule {number} of the recipe matches no operator: operators {rule.operators!r}, names {rule.names!r}"
                )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        fields = ("operators", "names", "scheme", "weight_bits", "per_axis")
        default = Rule()
        rules = [{f: getattr(rule, f) for f in fields if getattr(rule, f) != getattr(default, f)} for rule in self.rules]
        return {"scheme": self.scheme, **({} if self.per_axis else {"per_axis": False}), "rules": rules}

    @classmethod
    def of(cls, source: Recipe | Mapping[str, Any] | str | os.PathLike[str]) -> Recipe:
        """A recipe from its JSON form or the path of a file with it; raises InputError."""
        if isinstance(source, Recipe):
            return source
        if not isinstance(source, Mapping):
            path = pathlib.Path(source)
            source = read_safely(path, lambda: json.loads(path.read_text()))
        try:
            rules = tuple(Rule(**rule) for rule in source.get("rules", ()))  # type: ignore[union-attr]
            rest = {key: value for key, value in source.items() if key != "rules"}  # type: ignore[union-attr]
            return cls(**rest, rules=rules)
        except (TypeError, AttributeError) as error:
            raise InputError(
                f"the recipe is not understood: {error}; it holds scheme and rules, see qref quantize --help"
            ) from None
