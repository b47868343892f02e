"""Which operators a quantized model loses its accuracy in, and what to keep in float instead."""
