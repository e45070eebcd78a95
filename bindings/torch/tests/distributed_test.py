"""Two gloo processes with DistributedDataParallel stay identical, and equal to one process with both batches."""

import os
import socket
import tempfile
import unittest

import torch
import torch.distributed
import torch.multiprocessing
from torch import nn

import sigmax.torch
from common import OURS_NEW, OURS_OLD, TestCase, close, rounding

STEPS = 5


def build(kind):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 3))
    if kind == "model":
        sigmax.torch.apply(model)
    else:
        for layer in (model[0], model[2]):
            (OURS_NEW if kind == "new" else OURS_OLD)(layer)
    return model


def train(model, bare, rank, world):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(5)
    for _ in range(STEPS):
        x, y = torch.randn(8, 12, generator=generator), torch.randn(8, 3, generator=generator)
        part = slice(rank * 8 // world, (rank + 1) * 8 // world)
        optimizer.zero_grad()
        ((model(x[part]) - y[part]) ** 2).mean().backward()
        optimizer.step()
    return {key: value.detach().clone() for key, value in bare.state_dict().items()}


def work(rank, port, kind, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    model = build(kind)
    wrapped = nn.parallel.DistributedDataParallel(model)
    state = train(wrapped, model, rank, 2)
    torch.save(state, os.path.join(folder, f"{rank}.pt"))
    # A process that ends while the other still communicates with it, or before its wrapper is destroyed, sometimes
    # aborts in gloo's threads.
    torch.distributed.barrier()
    del wrapped
    torch.distributed.destroy_process_group()


class Distributed(TestCase):
    def test_two_processes_stay_identical(self):
        for kind in ("new", "old", "model"):
            with self.subTest(kind), tempfile.TemporaryDirectory() as folder:
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    port = free.getsockname()[1]
                torch.multiprocessing.spawn(work, (port, kind, folder), nprocs=2)
                first, second = (torch.load(os.path.join(folder, f"{rank}.pt")) for rank in (0, 1))
                model = build(kind)
                if kind == "model":
                    # DistributedDataParallel writes the parameters on construction; with once_per_step this counts as a
                    # change of the weight.
                    with torch.no_grad():
                        for parameter in model.parameters():
                            parameter.copy_(parameter.clone())
                alone = train(model, model, 0, 1)
                for key in alone:
                    self.assertTrue(torch.equal(first[key], second[key]), key)
                    close(self, first[key], alone[key], rounding(16, factor=64 * STEPS), key)


if __name__ == "__main__":
    unittest.main()
