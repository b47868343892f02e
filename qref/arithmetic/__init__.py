"""The rules of quantized arithmetic, in NumPy: what compiled kernels compute, to the last bit."""
