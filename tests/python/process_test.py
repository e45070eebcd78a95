"""Long calls: other threads run meanwhile, Ctrl-C ends them, results do not depend on threads, nothing leaks."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
import unittest

import numpy as np

import sigmax

LONG = """
import sys, numpy as np, sigmax
matrix = np.random.default_rng(1).standard_normal((100, 100))
stack = np.broadcast_to(matrix, ({count}, 100, 100))
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("ended", flush=True)
print(sigmax.norm([3.0, 4.0]))
"""


class Calls(unittest.TestCase):
    def test_ctrl_c_ends_a_long_call_and_sigmax_works_on(self):
        # Each call takes many seconds; the last two copy the stack first.
        for call, count in (
            ("sigmax.norm(stack, 'nuc', (1, 2))", 1000000),
            ("sigmax.svd(stack)", 8000),
            ("sigmax.cond(stack, 1)", 8000),
        ):
            program = LONG.format(call=call, count=count)
            child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            self.assertEqual(child.stdout.readline(), "ready\n")
            time.sleep(0.7)
            child.send_signal(signal.SIGINT)
            output = child.communicate(timeout=600)[0]
            self.assertEqual(output, "interrupted\n5.0\n", call)
            self.assertEqual(child.returncode, 0)

    def test_other_threads_run_during_a_call(self):
        a = np.random.default_rng(2).standard_normal((400, 400))
        counted = 0
        done = threading.Event()

        def compute():
            for _ in range(3):
                sigmax.svd(a)
            done.set()

        worker = threading.Thread(target=compute)
        worker.start()
        while not done.is_set():
            counted += 1
            time.sleep(0.001)
        worker.join()
        # With the interpreter lock held, this thread would run between the three calls only.
        self.assertGreater(counted, 10)

    def test_threads_at_the_same_time_get_their_own_results(self):
        rng = np.random.default_rng(3)
        arrays = [rng.standard_normal((150 + i, 140)) for i in range(4)]
        expected = [(sigmax.norm(a, 2), sigmax.norm(a, "nuc"), sigmax.cond(a)) for a in arrays]
        found = [None] * len(arrays)

        def compute(i):
            found[i] = [(sigmax.norm(arrays[i], 2), sigmax.norm(arrays[i], "nuc"), sigmax.cond(arrays[i])) for _ in range(3)]

        threads = [threading.Thread(target=compute, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [[one] * 3 for one in expected])

    def test_the_number_of_threads_changes_nothing(self):
        rng = np.random.default_rng(4)
        a, stack = rng.standard_normal((700, 300)), rng.standard_normal((300, 20, 30))
        found = []
        try:
            for threads in (1, 2, 3):
                sigmax.set_num_threads(threads)
                self.assertEqual(sigmax.get_num_threads(), threads)
                found.append([sigmax.norm(a, p) for p in (1, 2, "nuc", "fro")] + sigmax.svdvals(stack).ravel().tolist())
        finally:
            sigmax.set_num_threads(0)
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])
        with self.assertRaises(ValueError):
            sigmax.set_num_threads(-1)

    def test_a_forked_process_computes_too(self):
        a = np.random.default_rng(5).standard_normal((300, 300))
        expected = sigmax.norm(a, 2)
        child = os.fork()
        if child == 0:
            os._exit(0 if sigmax.norm(a, 2) == expected and sigmax.norm(a[:9, :9], "nuc") > 0 else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_nothing_leaks(self):
        a = np.ones((40, 40))

        def calls(count):
            for _ in range(count):
                sigmax.norm(a)
                sigmax.norm(a, 2)
                sigmax.svdvals(a[:4, :4])
                sigmax.enclose(a[:4, :4])
                with self.assertRaises(ValueError):
                    sigmax.norm(a, "nonsense")

        calls(200)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        calls(2000)
        # One array a call would be 25 MB, in kilobytes.
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 12_000)

    def test_configuration(self):
        config = sigmax.show_config(mode="dicts")
        self.assertEqual(config["sigmax"], sigmax.__version__)
        self.assertIn("OpenBLAS", config["BLAS"])
        self.assertIn("norm", dir(sigmax))
        with self.assertRaises(AttributeError):
            sigmax.no_such_name

    def test_torch_is_not_imported(self):
        program = "import sys, sigmax; sigmax.norm([1.0]); sigmax.svds; assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", program], check=True)


if __name__ == "__main__":
    unittest.main()
