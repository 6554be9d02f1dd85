"""Chapter 05: exploring low-dimensional subspaces in diffusion models for controllable image editing (Chen, Zhang, Guo,
Lu, Wang and Qu, NeurIPS 2024, arXiv 2409.02374).
"""
