"""How the engines compile their kernels with numba, and where the machine code is cached."""
