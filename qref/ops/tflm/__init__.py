"""TFLM's reference kernels: the operators that they compute in another way than LiteRT's reference kernels."""
