"""LiteRT's optimized kernels where they differ from the reference: ruy, Eigen, and vector code with its tails."""
