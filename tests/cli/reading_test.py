"""Real-world files with one odd part: the rest is read, and the unread part is named."""

import io
import json
import os
import zipfile

import checkpoints
from command import CommandTest, main

WEIGHT = checkpoints.diagonal([3.0, 2.0, 1.0])


def shard(*names):
    return checkpoints.safetensors({name: checkpoints.matrix(WEIGHT) for name in names})


def array(descr, shape, data):
    """A .npy with the given type and shape in its header."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


class ReadingTest(CommandTest):

    def index(self, weights, name="model.safetensors.index.json", before=b""):
        return self.write(name, before + json.dumps({"weight_map": weights}).encode())

    def audited(self, *arguments):
        report = json.loads(self.expect(0, "audit", *arguments, "--format", "json").out)
        return ([tensor["name"] for tensor in report["tensors"]],
                {skipped["name"]: skipped["reason"] for skipped in report["skipped"]}, report["model"]["notes"])

    def test_a_tensor_that_no_shard_holds_is_named(self):
        self.write("a.safetensors", shard("w", "v"))
        self.index({"w": "a.safetensors", "v": "a.safetensors", "lm_head.weight": "a.safetensors"})
        audited, skipped, notes = self.audited(".")
        self.assertEqual(audited, ["w", "v"])
        self.assertEqual(skipped,
                         {"lm_head.weight": "no shard holds it, though the index lists it in 'a.safetensors'"})
        self.assertIn("lists 1 tensor that no shard holds: 'lm_head.weight'", notes[0])
        self.assertIn("'lm_head.weight'", self.expect(0, "audit", ".", "--format", "csv").err)
        refused = self.expect(3, "norm", ".:lm_head.weight")
        self.assertIn("no shard holds it", refused.err)

    def test_an_index_with_a_mark_and_shards_below(self):
        self.write("parts/1/a.safetensors", shard("w"))
        self.index({"w": "parts/1/a.safetensors"}, before=b"\xef\xbb\xbf")
        self.assertEqual(self.audited("."), (["w"], {}, []))
        self.assertEqual(self.expect(0, "norm", ".", "--ord", "fro", "--format", "value").out, "3.7416573867739413\n")

    def test_a_hub_cache(self):
        repository = self.folder / "models--a--b"
        self.write("models--a--b/blobs/aa", shard("w"))
        index = self.index({"w": "m-1.safetensors"})
        index.rename(repository / "blobs" / "bb")
        snapshot = repository / "snapshots" / "0f"
        snapshot.mkdir(parents=True)
        for name, blob in (("m-1.safetensors", "aa"), ("m.safetensors.index.json", "bb")):
            os.symlink(f"../../blobs/{blob}", snapshot / name)
        self.assertEqual(self.audited(snapshot), (["w"], {}, []))
        self.write("secret", shard("w"))
        (snapshot / "m-1.safetensors").unlink()
        os.symlink("../../../secret", snapshot / "m-1.safetensors")
        refused = self.expect(3, "audit", snapshot)
        self.assertIn("is a symbolic link that leads out of the model's folder", refused.err)

    def test_an_odd_member_of_an_archive(self):
        members = io.BytesIO()
        with zipfile.ZipFile(members, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("w.npy", checkpoints.npy(WEIGHT))
            archive.writestr("scale.npy", array("<f1", "(2, 2)", b"abcd"))
            archive.writestr("half.npy", array("half", "(2, 2)", bytes(8)))
            archive.writestr("table.npy", array("i4,f4", "(1,)", bytes(8)))
        self.write("m.npz", members.getvalue())
        audited, skipped, _ = self.audited("m.npz")
        self.assertEqual(audited, ["w", "half"])
        self.assertIn("8-bit floats", skipped["scale"])
        self.assertIn("structured", skipped["table"])

    def test_an_array_of_an_odd_type_alone(self):
        self.write("odd.npy", array("|O", "(2, 2)", b"a pickle"))
        for command in ("norm", "svd"):
            refused = self.expect(3, command, "odd.npy")
            self.assertIn("odd.npy: tensor 'odd': holds Python objects", refused.err)
        self.write("w.npy", checkpoints.npy(WEIGHT))
        audited, skipped, _ = self.audited(".")
        self.assertEqual(audited, ["w"])
        self.assertIn("Python objects", skipped["odd"])

    def test_arrays_one_after_another(self):
        self.write("w.npy", checkpoints.npy(WEIGHT) + checkpoints.npy(checkpoints.diagonal([7.0, 5.0])))
        first = self.expect(0, "norm", "w.npy", "--ord", "max", "--format", "value")
        self.assertEqual(first.out, "3\n")
        self.assertIn("'w' is the first of 2 arrays in the file; name another, as in w.npy:w[1]", first.err)
        second = self.expect(0, "norm", "w.npy:w[1]", "--ord", "max", "--format", "value")
        self.assertEqual((second.out, second.err), ("7\n", ""))
        self.assertEqual(self.audited("w.npy")[0], ["w", "w[1]"])

    def test_a_folder_with_a_foreign_archive(self):
        self.write("w.npy", checkpoints.npy(WEIGHT))
        foreign = io.BytesIO()
        with zipfile.ZipFile(foreign, "w") as archive:
            archive.writestr("letter.xml", "<p>")
        encrypted = bytearray(foreign.getvalue())
        encrypted[6] |= 1
        encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
        self.write("letter.docx", bytes(encrypted))
        self.write("source.zip", foreign.getvalue())
        self.write("cut.zip", foreign.getvalue()[:-30])
        audited, _, notes = self.audited(".")
        self.assertEqual(audited, ["w"])
        self.assertEqual(len(notes), 2)
        self.assertIn("not read: ./cut.zip: ", notes[0])
        self.assertIn("'letter.docx', 'source.zip'", notes[1])
        self.write("model.pt", foreign.getvalue()[:-30])
        self.assertIn("model.pt: ", self.expect(3, "audit", ".").err)

    def test_a_header_as_other_writers_pad_it(self):
        content = bytearray(shard("w"))
        length = int.from_bytes(content[:8], "little")
        content[8 + length:8 + length] = b"\n\t\n"
        content[:8] = (length + 3).to_bytes(8, "little")
        self.write("m.safetensors", bytes(content))
        audited, _, notes = self.audited("m.safetensors")
        self.assertEqual(audited, ["w"])
        self.assertEqual(notes, ["m.safetensors: read, though its header ends with line breaks or tabs, where spaces "
                                 "belong"])


if __name__ == "__main__":
    main()
