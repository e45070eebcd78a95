"""Checkpoints of several processes: read as a whole, or refused by name."""

import csv
import io

import checkpoints
from command import CommandTest, main


class Distributed(CommandTest):

    def setUp(self):
        super().setUp()
        # Each half of `a` has the singular value 3, the whole has 3 twice; the halves of `b` have 4 and 3, the whole
        # has 5.
        self.whole = {"layer.a": [[3.0, 0.0], [0.0, 3.0]], "layer.b": [[4.0, 0.0], [3.0, 0.0]]}
        for name, content in checkpoints.distributed(self.whole).items():
            self.write("dcp/" + name, content)

    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(self.expect(0, *arguments, "--format", "csv", "-q").out)))

    def test_weights_are_whole_and_have_their_own_names(self):
        rows = self.rows("audit", "dcp")
        self.assertEqual([(row["name"], row["shape"]) for row in rows], [("layer.a", "[2, 2]"), ("layer.b", "[2, 2]")])
        for row, sigma in zip(rows, (3, 5)):
            self.assertLessEqual(float(row["sigma_max_lower"]), sigma)
            self.assertGreaterEqual(float(row["sigma_max_upper"]), sigma)
        self.assertEqual([row["name"] for row in self.rows("ls", "dcp/.metadata")], ["layer.a", "layer.b"])

    def test_a_gate_judges_the_whole_weight(self):
        self.expect(1, "audit", "dcp", "-q", "--fail-if", "sigma > 4.5")
        self.expect(0, "audit", "dcp", "-q", "--fail-if", "sigma > 5.5")

    def test_one_tensor_is_found_by_its_name(self):
        self.assertEqual(float(self.expect(0, "norm", "dcp:layer.b", "--format", "value").out.split()[0]), 5.0)

    def test_a_shard_alone_is_no_checkpoint(self):
        self.assertIn("name its folder", self.expect(3, "audit", "dcp/__0_0.distcp").err)
        (self.folder / "dcp/.metadata").unlink()
        self.assertIn("without their .metadata", self.expect(3, "audit", "dcp").err)

    def test_a_missing_shard_is_an_error_that_names_it(self):
        (self.folder / "dcp/__1_0.distcp").unlink()
        self.assertIn("'__1_0.distcp' is not there", self.expect(3, "audit", "dcp", "-q").err)

    def test_two_archives_one_after_another_are_no_archive(self):
        one = checkpoints.torch_archive([[1.0, 0.0], [0.0, 2.0]])
        self.write("two.pt", one + one)
        self.assertIn("two archives one after another", self.expect(3, "audit", "two.pt").err)
        self.write("one.pt", one)
        self.expect(0, "audit", "one.pt", "-q")

    def test_files_of_processes_are_refused_by_name(self):
        one = checkpoints.torch_archive([[1.0, 0.0], [0.0, 2.0]])
        for folder, names, reason in (
                ("zero", ("zero_pp_rank_0_mp_rank_00_optim_states.pt",), "zero_to_fp32.py"),
                ("llama", ("consolidated.00.pth", "consolidated.01.pth"), "convert_llama_weights_to_hf.py"),
                ("fsdp", ("model_rank0.bin", "model_rank1.bin"), "FullStateDictConfig"),
                ("megatron", ("mp_rank_00/model_optim_rng.pt", "mp_rank_01/model_optim_rng.pt"), "Megatron-LM")):
            for name in names:
                self.write(f"{folder}/{name}", one)
            self.assertIn(reason, self.expect(3, "audit", folder).err)
            self.assertIn(reason, self.expect(3, "ls", f"{folder}/{names[-1]}").err)


if __name__ == "__main__":
    main()
