"""Recurrent operators, drawn by the builders that their tests share; three invokes each, so that states matter."""

from __future__ import annotations

from typing import Any

import recurrent_models
from recurrent_models import Variant, random_rounds

from qref.schema import TensorType

from .combination import Case, Draw, conformance

U8 = TensorType.UINT8


def variant(draw: Draw, w_type: TensorType | None, **given: Any) -> Variant:
    """A drawn variant; w_type None: float32 throughout, or integers where given says so."""
    hybrid = w_type is not None
    return Variant(
        weights="float32" if w_type is None else w_type.name.lower(),
        asymmetric=hybrid and draw.chance(),
        time=draw.integer(1, 4),
        batch=draw.integer(1, 3),
        depth=draw.one((1, 3, 4, 5, 8, 15, 16, 17, 33)),
        cells=draw.one((1, 3, 4, 5, 7, 8, 9, 16, 17)),
        time_major=draw.chance(),
        seed=draw.integer(0, 2**32),
        **given,
    )


@conformance("UNIDIRECTIONAL_SEQUENCE_LSTM LSTM", "int8 float32 float32xint8 float32xuint8")
def lstm(draw: Draw, name: str, type: TensorType, w_type: TensorType | None = None) -> Case:
    v = variant(
        draw,
        w_type,
        operator=name,
        integer=type == TensorType.INT8,
        cifg=draw.chance(0.3),
        peephole=draw.chance(0.3),
        layer_norm=draw.chance(0.3),
        projection=draw.one((0, 0, 3, 5)),
        projection_bias=draw.chance(),
        clip=draw.chance(0.3),
        activation=4,
    )
    if v.peephole and v.projection > v.cells:
        v = v.but(projection=0)  # LiteRT reads past its peephole weights
    model = recurrent_models.lstm_model(v)
    return model, random_rounds(model, seed=v.seed)


@conformance("BIDIRECTIONAL_SEQUENCE_LSTM", "float32 float32xint8 float32xuint8")
def bidirectional_lstm(draw: Draw, name: str, type: TensorType, w_type: TensorType | None = None) -> Case:
    v = variant(
        draw,
        w_type,
        operator=name,
        cifg=draw.chance(0.3),
        peephole=draw.chance(0.3),
        projection=draw.one((0, 0, 3)),
        projection_bias=draw.chance(),
        clip=draw.chance(0.3),
    )
    merged = draw.chance() and v.time_major  # batch first, LiteRT reads memory outside its states
    model = recurrent_models.bidirectional_lstm_model(v, merged, draw.one(("none", "none", "stacked", "weights")))
    return model, random_rounds(model, seed=v.seed)


@conformance("LSTM", "uint8")
def basic_lstm(draw: Draw, name: str, type: TensorType) -> Case:
    sizes = {"batch": draw.integer(1, 3), "depth": draw.one((1, 5, 8)), "cells": draw.one((3, 8, 9))}
    sizes["depth"] = 8 - sizes["cells"] % 8 + 8 * draw.integer(0, 2)  # LiteRT wants whole blocks of 8
    model = recurrent_models.basic_lstm_model(type == U8, **sizes, seed=draw.integer(0, 2**32))
    return model, random_rounds(model)


@conformance("RNN UNIDIRECTIONAL_SEQUENCE_RNN BIDIRECTIONAL_SEQUENCE_RNN", "float32 float32xint8 float32xuint8")
def rnn(draw: Draw, name: str, type: TensorType, w_type: TensorType | None = None) -> Case:
    v = variant(draw, w_type, operator=name, activation=draw.one((0, 1, 3, 4)))
    extra = {}
    if name.startswith("BI"):
        merged = draw.chance() and (w_type is None or not v.time_major)  # else LiteRT writes behind its output
        extra = {"merged": merged, "aux": draw.one(("none", "none", "stacked", "weights"))}
    model = recurrent_models.rnn_model(v, **extra)
    return model, random_rounds(model, seed=v.seed)


@conformance("SVDF", "int8 float32 float32xint8 float32xuint8")
def svdf(draw: Draw, name: str, type: TensorType, w_type: TensorType | None = None) -> Case:
    v = variant(
        draw,
        w_type,
        operator=name,
        integer=type == TensorType.INT8,
        activation=1 if type == TensorType.INT8 else draw.one((0, 1)),
    )
    model = recurrent_models.svdf_model(v, rank=draw.integer(1, 3), memory=draw.integer(1, 9), bias=draw.chance())
    return model, random_rounds(model, seed=v.seed)
