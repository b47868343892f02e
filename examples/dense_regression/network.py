"""A dense network 2 -> 16 -> 16 -> 16 -> 1 that learns a saturating surface from the samples below saturation alone.

The surface is min(1, (exp(3 u (0.4 + 0.6 v)) - 1) / 4 + 0.3 u sin(5 v)) for u, v in [0, 1]: a slope with a ridge, cut off at 1.
Samples of the flat part are left out of training, so that the network goes on upwards there and whoever uses it cuts off at 1: a
sharp edge and an even plane, which a network that learned the plane as well would round off.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from qref.schema import ActivationFunctionType, GraphBuilder, Model, TensorType

WIDTHS = (2, 16, 16, 16, 1)
SEED = 1
SATURATION = 1.0


def surface(points: np.ndarray) -> np.ndarray:
    """The surface before it is cut off at SATURATION; points [n, 2] -> [n]."""
    u, v = points.T
    return np.expm1(3 * u * (0.4 + 0.6 * v)) / 4 + 0.3 * u * np.sin(5 * v)


def training_points(count: int = 1500) -> np.ndarray:
    """Points below saturation, float32 [n, 2], uniform on their part of the unit square."""
    points = np.random.default_rng(SEED).uniform(0, 1, (count, 2)).astype(np.float32)
    return points[surface(points) < SATURATION]


def grid(size: int) -> np.ndarray:
    """The points of an even grid over the unit square, float32 [size * size, 2]; u changes fastest."""
    axis = np.linspace(0, 1, size, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def train() -> Model:
    """The float model, trained in a few seconds."""
    points = training_points()
    regressor = MLPRegressor(hidden_layer_sizes=WIDTHS[1:-1], solver="lbfgs", alpha=1e-6, max_iter=500, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 500 steps are enough
        regressor.fit(points.astype(np.float64), surface(points))
    return as_model(regressor.coefs_, regressor.intercepts_)


def as_model(weights: list[np.ndarray], biases: list[np.ndarray]) -> Model:
    """FULLY_CONNECTED operators with these weights [inputs, outputs] and biases; RELU in all but the last."""
    graph = GraphBuilder()
    x = graph.input("dense_0_input", TensorType.FLOAT32, (1, WIDTHS[0]))
    b = [graph.constant(f"dense_{i}/bias", bias.astype(np.float32)) for i, bias in enumerate(biases)]
    w = [graph.constant(f"dense_{i}/weights", weight.T.astype(np.float32)) for i, weight in enumerate(weights)]
    for i, width in enumerate(WIDTHS[1:]):
        y = graph.tensor(f"dense_{i}", TensorType.FLOAT32, (1, width))
        relu = ActivationFunctionType.RELU if i < len(weights) - 1 else ActivationFunctionType.NONE
        graph.operator("FULLY_CONNECTED", [x, w[i], b[i]], [y], ("FullyConnectedOptions", {"fused_activation_function": relu}))
        x = y
    return graph.model(outputs=[x])
