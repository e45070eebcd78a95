"""sigmax: the singular values of neural-network weights. ``sigmax.torch`` provides spectral normalization for
PyTorch."""
