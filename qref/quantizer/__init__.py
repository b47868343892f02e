"""Post-training quantization: a float .tflite in, a quantized one out, each choice explained."""
