"""sigmax: the singular values of neural-network weights. ``sigmax.torch`` has spectral normalization for PyTorch."""
