"""Memory of large normalized weights: kept, reused, never shared."""

import copy
import unittest

import torch
from torch import nn

import sigmax.torch


class MemoryTest(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        sigmax.torch.release_memory()

    def test_a_weight_that_has_died_leaves_its_memory_to_the_next(self):
        layer = sigmax.torch.spectral_norm(nn.Linear(1024, 1024))
        first = layer.weight.data_ptr()
        self.assertEqual(layer.weight.data_ptr(), first)

    def test_live_weights_and_gradients_have_memory_of_their_own(self):
        layer = sigmax.torch.spectral_norm(nn.Linear(1024, 1024))
        weights = [layer.weight for _ in range(3)]
        gradients = [torch.autograd.grad(weight.sum(), layer.parametrizations.weight.original)[0] for weight in weights]
        kept = [tensor.detach().clone() for tensor in weights + gradients]
        self.assertEqual(len({tensor.data_ptr() for tensor in weights + gradients}), 6)
        layer.weight  # written while the others live
        for tensor, before in zip(weights + gradients, kept):
            self.assertTrue(torch.equal(tensor, before))

    def test_no_more_is_kept_than_was_in_use_at_one_time(self):
        def passes(rows):
            layer = sigmax.torch.spectral_norm(nn.Linear(512, rows))
            for _ in range(5):
                layer(torch.randn(2, 512)).sum().backward()

        passes(4096)
        largest = sigmax.torch.release_memory()
        # The normalized weight and its gradient; the parameter's gradient uses the memory of the latter.
        self.assertLessEqual(largest, 2 * 4 * 512 * 4096)
        for rows in (1024, 2048, 4096, 3072):
            passes(rows)
        self.assertLessEqual(sigmax.torch.release_memory(), largest)
        self.assertEqual(sigmax.torch.release_memory(), 0)

    def test_small_weights_are_torchs_matter(self):
        sigmax.torch.spectral_norm(nn.Linear(128, 128)).weight
        self.assertEqual(sigmax.torch.release_memory(), 0)

    def test_the_tensors_are_like_any_others(self):
        weight = sigmax.torch.spectral_norm(nn.Linear(1024, 1024)).weight.detach()
        self.assertTrue(torch.equal(copy.deepcopy(weight), weight))
        before = weight.clone()
        self.assertTrue(torch.equal(weight.share_memory_(), before))
        grown = sigmax.torch.spectral_norm(nn.Linear(1024, 1024)).weight.detach()
        before = grown.clone()
        grown.resize_(2048, 1024)
        self.assertTrue(torch.equal(grown[:1024], before))

    def test_memory_outlives_the_thread_and_the_layer(self):
        layer = sigmax.torch.spectral_norm(nn.Linear(1024, 1024))
        weight = layer.weight
        before = weight.detach().clone()
        del layer
        sigmax.torch.release_memory()
        self.assertTrue(torch.equal(weight, before))


if __name__ == "__main__":
    unittest.main()
