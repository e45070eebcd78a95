"""The tables of docs/performance.md, docs/convolutions.md and docs/lipschitz.md come from benchmarks/results, and say
what these say."""

import contextlib
import importlib.util
import io
import pathlib
import sys
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "benchmarks" / "network_bounds")]
import summary
import tables
import verdict


def case(candidates, taps=3, network="network", layer="conv", kernels="gaussian"):
    return {"network": network, "kernels": kernels, "layer": layer, "shape": [8, 8, taps, taps], "stride": 1,
            "padding": taps // 2, "size": 16, "candidates": candidates}


def ends(lower, upper):
    return {"lower": lower, "upper": upper, "proven": True, "seconds": 0.5}


def bound(value, claim="upper, stride 1"):
    return {"value": value, "claim": claim, "seconds": 0.25}


def printed(printer):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        printer()
    return text.getvalue().splitlines()


class Summary(unittest.TestCase):
    def test_every_question_prints_the_rows_of_its_record(self):
        for question in summary.QUESTIONS:
            rows = printed(question)
            self.assertTrue((ROOT / "benchmarks" / "results" / f"{question.__name__}.json").exists(), question.__name__)
            self.assertTrue(rows, question.__name__)
            for row in rows:
                self.assertEqual(row.count(" | "), 4, row)
                self.assertTrue(row.endswith((" met |", " **missed** |")), row)

    def test_the_documents_have_the_tables_of_the_records(self):
        for name, printers in summary.tables_of().items():
            document = (summary.DOCUMENTS / name).read_text()
            self.assertEqual(document, summary.with_tables(document, printers),
                             "benchmarks/summary.py --write writes them anew")

    def test_every_row_of_a_table_has_as_many_cells_as_its_head(self):
        has_fft = any("times_FFT" in case for case in summary.load("convolution")["results"])
        for table in tables.OF_PERFORMANCE + tables.OF_CONVOLUTIONS + (tables.bounds_of_networks,):
            if table is tables.products_by_fft and not has_fft:
                continue  # the record is older than this peer
            rows = printed(table)
            self.assertGreater(len(rows), 2, table.__name__)
            self.assertEqual({row.count(" | ") for row in rows[2:]}, {rows[0].count(" | ")}, table.__name__)

    def test_products_by_fft_are_told_by_their_time_over_ours(self):
        timed = {"layer": "3x3, 64, 56", "threads": 1, "images": 8, "times_oneDNN": 1.0, "times_FFT": 0.25}
        record = {"results": [timed, {"layer": "1x1", "threads": 1, "images": 1, "times_oneDNN": 1.0}]}
        with mock.patch.object(tables, "load", lambda question: record), \
             mock.patch.object(summary, "load", lambda question: record):
            self.assertEqual(printed(tables.products_by_fft)[2:], ["| 3x3, 64, 56 |  | 4.0 |  |  |"])
            aim = next(row for row in printed(summary.convolution) if "FFT" in row)
            self.assertIn("4.0x | 1x | met", aim)


class Networks(unittest.TestCase):
    def test_peers_have_their_ratio_their_time_and_what_is_wrong_with_them(self):
        peers = {"product, NumPy": {"bound": 4, "seconds": 0.02, "times_sigmax": 2, "false": False},
                 "LipLT, NumPy": {"bound": 1, "seconds": 3, "times_sigmax": 0.5, "false": True},
                 "ECLipsE-Fast, eclipse-nn": {"missing": "torch"}, "LipSDP-Neuron, SCS": {"problem": "more than 20 s"}}
        with mock.patch.object(tables, "load", lambda _: {"networks": [{"name": "net", "peers": peers}]}):
            head, _, row = printed(tables.bounds_of_peers)
        self.assertEqual(row.count(" | "), head.count(" | "))
        self.assertEqual(row, "| net | 2, 20 ms | **false** 0.5, 3 s |  | not installed |  |  | more than 20 s |")

    @unittest.skipUnless(importlib.util.find_spec("numpy"), "needs NumPy")
    def test_a_nnet_file_has_its_weights_in_the_order_of_the_layers(self):
        import networks

        text = "// a comment\n2,2,1,3,\n2,3,1,\n0,\n0,0,\n1,1,\n0,0,0,\n1,1,1,\n1,2,\n3,4,\n5,6,\n9,\n9,\n9,\n7,8,9,\n1,\n"
        first, second = networks.nnet(text)
        self.assertEqual((first.tolist(), second.tolist()), ([[1, 2], [3, 4], [5, 6]], [[7, 8, 9]]))


class Verdict(unittest.TestCase):
    def where(self, value, claim="upper, stride 1", taps=3, **questions):
        names = {"every": verdict.EVERY_SIZE, "circular": verdict.CIRCULAR, "here": verdict.THIS_SIZE}
        candidates = {names[key]: found for key, found in questions.items()}
        found = verdict.judged(case(candidates | {"peer": bound(value, claim)}, taps), "peer")
        return found and found["where"]

    def test_an_upper_bound_below_a_proven_lower_end_is_false(self):
        self.assertEqual(self.where(0.99, every=ends(1, 1.001)), "below")

    def test_a_bound_between_the_ends_is_tighter_than_ours(self):
        self.assertEqual(self.where(1.0005, every=ends(1, 1.001)), "inside")

    def test_a_bound_above_the_upper_end_is_looser(self):
        self.assertEqual(self.where(1.002, every=ends(1, 1.001)), "above")

    def test_a_value_is_held_against_the_quantity_that_it_claims_to_be(self):
        questions = {"every": ends(3, 3.1), "circular": ends(2, 2.1), "here": ends(1, 1.1)}
        for claim, value in (("upper, stride 1", 3.05), ("circular, stride 1", 2.05), ("below", 1.05),
                             ("upper, circular, stride 1", 2.05)):
            self.assertEqual(self.where(value, claim, **questions), "inside", claim)

    def test_a_bound_that_ignores_the_stride_is_held_against_the_norm_for_stride_1(self):
        strided = case({verdict.EVERY_SIZE: ends(1, 1.1), "peer": bound(2.05)}) | {"stride": 2}
        self.assertIsNone(verdict.judged(strided, "peer"))
        strided["candidates"][verdict.WITHOUT_STRIDE] = ends(2, 2.1)
        self.assertEqual(verdict.judged(strided, "peer")["where"], "inside")
        strided["candidates"]["peer"] = bound(1.5)
        self.assertEqual(verdict.judged(strided, "peer")["where"], "below")

    def test_the_norm_for_stride_1_is_asked_of_strided_layers_with_larger_kernels_only(self):
        for stride, taps, asked in ((1, 3, False), (2, 3, True), (2, 1, False)):
            self.assertEqual(verdict.is_asked(case({}, taps) | {"stride": stride}, verdict.WITHOUT_STRIDE), asked)
            self.assertTrue(verdict.is_asked(case({}, taps) | {"stride": stride}, verdict.EVERY_SIZE))

    def test_the_record_has_both_upper_bounds_on_every_layer(self):
        record = summary.load("convolution_norm")
        bounds = [one for one in verdict.verdicts(record) if one["is_bound"]]
        for name in ("Gram iteration, 6 steps", "four reshapings"):
            self.assertEqual(sum(one["name"] == name for one in bounds), len(record["cases"]), name)

    def test_all_questions_have_one_answer_for_1x1_kernels_only(self):
        questions = {"every": ends(1, 1.1), "circular": ends(1.0499, 1.0501)}
        self.assertEqual(self.where(1.06, taps=1, **questions), "above")
        self.assertEqual(self.where(1.06, taps=3, **questions), "inside")

    def test_nothing_is_said_without_a_value_or_an_enclosure(self):
        self.assertIsNone(self.where(1.0))
        stopped = {"seconds": None, "limit_seconds": 10}
        self.assertIsNone(verdict.judged(case({verdict.EVERY_SIZE: ends(1, 2), "peer": stopped}), "peer"))

    def test_totals_are_over_the_layers_that_were_timed(self):
        cases = [case({"peer": bound(1)}), case({"peer": {"seconds": None, "limit_seconds": 10}}), case({}),
                 case({"peer": {"seconds": None, "value": 1, "claim": "below"}})]
        self.assertEqual(verdict.totals(cases, "peer"), {"seconds": 0.25, "timed": 1, "layers": 4, "values": 2,
                                                         "over_limit": 1, "limits": [10]})

    def test_settled_is_what_was_timed_or_ran_into_the_limit(self):
        stopped = {"seconds": None, "limit_seconds": 10}
        self.assertTrue(verdict.is_settled(bound(1), 10))
        self.assertTrue(verdict.is_settled(stopped, 10))
        self.assertFalse(verdict.is_settled(stopped, 20))
        self.assertFalse(verdict.is_settled({"seconds": None, "value": 1, "claim": "below"}, 10))


if __name__ == "__main__":
    unittest.main()
