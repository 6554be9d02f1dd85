"""Chapter 06: Shallow Diffuse, robust and invisible watermarking through low-dimensional subspaces in diffusion models
(Li, Zhang and Qu, NeurIPS 2025, arXiv 2410.21088).
"""
