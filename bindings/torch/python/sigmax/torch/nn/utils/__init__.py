"""``spectral_norm`` and ``remove_spectral_norm`` as in ``torch.nn.utils``: a forward pre-hook."""

from ..._hook import SpectralNormHook, remove_spectral_norm, spectral_norm

__all__ = ["SpectralNormHook", "remove_spectral_norm", "spectral_norm"]
