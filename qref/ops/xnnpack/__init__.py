"""The XNNPACK delegate's kernels; each file's `prepare` gives None for a node that the delegate leaves to LiteRT."""
