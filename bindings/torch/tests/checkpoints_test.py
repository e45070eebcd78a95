"""The command reads every kind of file that this torch writes; the values are compared with torch's own reading."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import warnings

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

BINARY = os.environ.get("SIGMAX", "")
PROCESSES = 4


class Linear(torch.nn.Module):

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(4, 6)

    def forward(self, x):
        return self.fc(x)


def cut_in_four(rank, folder):
    """A process that saves its part of three weights."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES)
    line, square = init_device_mesh("cpu", (PROCESSES,)), init_device_mesh("cpu", (2, PROCESSES // 2))
    state = {
        name: distribute_tensor(tensor, mesh, placements)
        for (name, tensor), mesh, placements in zip(whole().items(), (line, line, square),
                                                    ([Shard(0)], [Shard(1)], [Shard(0), Shard(1)]))
    }
    dcp.save(state, checkpoint_id=f"{folder}/dcp")
    if rank == 0:
        torch.save(state, f"{folder}/part.pt")
    torch.distributed.destroy_process_group()


def whole():
    torch.manual_seed(0)
    return {"rows": torch.randn(7, 5), "columns": torch.randn(6, 9), "both": torch.randn(5, 8, dtype=torch.float64)}


@unittest.skipUnless(os.access(BINARY, os.X_OK), "SIGMAX names no command")
class Checkpoints(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sigmax-torch-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        warnings.simplefilter("ignore")

    def audit(self, name):
        run = subprocess.run([BINARY, "audit", str(self.folder / name), "--format", "json", "-q"], capture_output=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        return {tensor["name"]: tensor for tensor in json.loads(run.stdout)["tensors"]}

    def assert_holds(self, name, expected):
        found = self.audit(name)
        self.assertEqual(set(found), set(expected))
        for key, tensor in expected.items():
            matrix = tensor.detach().double().reshape(tensor.shape[0], -1)
            sigma = torch.linalg.matrix_norm(matrix, 2).item()
            self.assertEqual(found[key]["shape"], list(tensor.shape))
            self.assertEqual(found[key]["max_abs"], matrix.abs().max().item())
            self.assertLessEqual(found[key]["sigma_max"]["lower"], sigma * (1 + 1e-14))
            self.assertGreaterEqual(found[key]["sigma_max"]["upper"], sigma * (1 - 1e-14))

    def test_a_distributed_checkpoint_of_four_processes_is_whole(self):
        torch.multiprocessing.spawn(cut_in_four, args=(str(self.folder),), nprocs=PROCESSES)
        self.assert_holds("dcp", whole())
        run = subprocess.run([BINARY, "ls", str(self.folder / "part.pt")], capture_output=True, check=True)
        self.assertEqual(run.stdout.decode().count("one process's part of a distributed tensor"), 3)

    def test_a_distributed_checkpoint_of_one_process_is_whole(self):
        dcp.save({"model": whole(), "step": 7}, checkpoint_id=self.folder / "one", no_dist=True)
        self.assert_holds("one", {f"model.{key}": value for key, value in whole().items()})

    def test_tensors_quantized_by_channel_are_dequantized_bit_for_bit(self):
        quantized = {}
        for axis, dtype in ((0, torch.qint8), (1, torch.quint8), (0, torch.qint32)):
            scales, zeros = torch.rand(6, dtype=torch.double) + 0.01, torch.arange(6)
            quantized[f"{axis} {dtype}"] = torch.quantize_per_channel(torch.randn(6, 6), scales, zeros, axis, dtype)
        quantized["float"] = torch.quantize_per_channel(torch.randn(6, 6), torch.rand(6) + 0.01, torch.rand(6), 0,
                                                        torch.quint8)
        torch.save(quantized, self.folder / "q.pt")
        self.assert_holds("q.pt", {key: tensor.dequantize() for key, tensor in quantized.items()})

    def test_numpy_arrays_in_a_state_dict_are_read(self):
        arrays = {key: tensor.numpy() for key, tensor in whole().items()}
        arrays["big-endian"] = arrays["rows"].astype(">f4")
        arrays["transposed"] = arrays["rows"].T
        for protocol in (2, 4, 5):
            torch.save(arrays, self.folder / "np.pt", pickle_protocol=protocol)
            self.assert_holds("np.pt", {**whole(), "big-endian": whole()["rows"], "transposed": whole()["rows"].T})

    def test_exported_programs_and_packages_are_read(self):
        module = Linear()
        torch.export.save(torch.export.export(module, (torch.randn(2, 4),)), self.folder / "model.pt2")
        self.assert_holds("model.pt2", {"fc.weight": module.fc.weight})
        with torch.package.PackageExporter(self.folder / "package.pt") as package:
            package.extern("**")
            package.save_pickle("model", "model.pkl", module.fc)
        self.assert_holds("package.pt", {"weight": module.fc.weight})


if __name__ == "__main__":
    unittest.main()
