"""What the presentation "Post-Training Quantization with TensorFlow" (D. Yfantidis) reports of this network, to compare with.

Its data are not known to qref; its numbers are quoted, and not a target.
"""

MODELS = ("float", "dynamic_range", "full_integer")

# Tensors of each type in the three models; int8 holds the uint8 input and output too.
CENSUS = {
    "INT8, UINT8": (0, 19, 38),
    "INT16": (0, 0, 2),
    "INT32": (4, 4, 17),
    "FLOAT32": (49, 30, 8),
    "tensors": (53, 53, 65),
}

METRICS = {
    "accuracy": (0.743, 0.745, 0.554),
    "precision": (0.654, 0.656, 0.490),
    "recall": (0.749, 0.751, 0.567),
    "f1": (0.684, 0.685, 0.503),
    "balanced_accuracy": (0.749, 0.751, 0.567),
    "cohen_kappa": (0.692, 0.694, 0.465),
}

# Of each operator of the full-integer model: elements of the output, its scale, its range, RMSE / scale.
LAYERS = (
    ("CONV_2D", 47616, 0.054382, 13.867427, 0.180051),
    ("CONV_2D", 46080, 0.305846, 77.990845, 0.114751),
    ("CONV_2D", 44544, 1.067677, 272.257660, 0.115232),
    ("CONV_2D", 43008, 5.625286, 1434.447930, 0.104616),
    ("RESHAPE", 43008, 5.625286, 1434.447930, 0.000000),
    ("UNIDIRECTIONAL_SEQUENCE_LSTM", 14336, 0.007843, 2.000000, 5.385343),
    ("UNIDIRECTIONAL_SEQUENCE_LSTM", 14336, 0.007843, 1.999981, 0.932456),
    ("STRIDED_SLICE", 128, 0.007843, 1.999981, 0.000000),
    ("FULLY_CONNECTED", 6, 0.164402, 41.922566, 0.334514),
    ("SOFTMAX", 6, 0.003906, 0.996094, 0.380070),
)
