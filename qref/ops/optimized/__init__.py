"""LiteRT's optimized kernels, where they compute in another way than the reference: ruy, Eigen, and vector code with its tails."""
