"""Models of one operator that accumulates, for the tests of golden vectors: types and operands that no bundled model has."""

import matmul_models as models

from qref.schema import save

RUNTIMES = ("litert-reference", "litert-optimized", "xnnpack")
ONE_OPERATOR = {
    "uint8 conv": lambda: models.conv_2d(3, models.U8, per_axis=False),
    "grouped conv": lambda: models.conv_2d(5, models.I8, groups=2),
    "int4 conv": lambda: models.conv_2d(4, models.I8, models.I4),
    "uint8 depthwise": lambda: models.depthwise_conv_2d(2, models.U8, per_axis=False),
    "int8 depthwise": lambda: models.depthwise_conv_2d(1, models.I8),
    "transpose conv": lambda: models.transpose_conv(1, models.I8),
    "int16 transpose conv": lambda: models.transpose_conv(2, models.I16),
    "uint8 fully connected": lambda: models.fully_connected(2, models.U8, per_axis=False),
    "weights that are an input": lambda: models.fully_connected(4, models.I8, per_axis=False, constant=False),
    "batch matmul": lambda: models.batch_matmul(1, models.I8),
    "int16 batch matmul": lambda: models.batch_matmul(3, models.I16),
}


def save_model(name, path):
    """Write one of these models."""
    save(ONE_OPERATOR[name](), path)


def in_turn(names, each=1):
    """Each name with so many of the runtimes, which take turns."""
    return [(name, RUNTIMES[(n + k) % len(RUNTIMES)]) for n, name in enumerate(names) for k in range(each)]
