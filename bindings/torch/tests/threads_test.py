"""Loops on several threads: the same bits, no spinning for threads that cannot run, and forked processes."""

import os
import subprocess
import sys
import time
import unittest

import torch
from torch import nn

from common import OURS_NEW, TestCase

# Large enough for loops on several threads, small enough that spinning for milliseconds would take most of a call.
SHAPE = (1024, 768)


def call(threads, calls=1):
    """Weight, gradient and processor time of a layer's calls on this many threads."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    layer = OURS_NEW(nn.Linear(SHAPE[1], SHAPE[0]))
    gradient = torch.randn(SHAPE)
    start = time.process_time()
    for _ in range(calls):
        layer.zero_grad()
        weight = layer.weight
        weight.backward(gradient)
    spent = time.process_time() - start
    return weight.detach(), layer.parametrizations.weight.original.grad, spent


def on_one_core():
    """Run in a separate process: the processor time of two threads on one core, relative to one thread."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    call(2)
    two, one = (min(call(threads, 20)[2] for _ in range(3)) for threads in (2, 1))
    print(two / one)


class Threads(TestCase):
    def test_the_bits_do_not_depend_on_their_number(self):
        weight, gradient, _ = call(1, 3)
        for threads in (2, 3, 8):
            found = call(threads, 3)
            self.assertTrue(torch.equal(found[0], weight), threads)
            self.assertTrue(torch.equal(found[1], gradient), threads)

    @unittest.skipUnless(hasattr(os, "sched_setaffinity"), "needs a system that puts threads on cores")
    def test_a_caller_does_not_spin_for_a_thread_on_its_own_core(self):
        # Processor time, so that other running programs hardly count. Spinning as OpenMP does gave a factor of 15 to
        # 80.
        done = subprocess.run([sys.executable, __file__, "--on-one-core"], check=True, stdout=subprocess.PIPE, text=True)
        self.assertLess(float(done.stdout), 6.0)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork()")
    def test_a_forked_process_has_no_threads_to_wait_for(self):
        weight, gradient, _ = call(2, 2)
        child = os.fork()
        if child == 0:
            torch.manual_seed(0)
            layer = OURS_NEW(nn.Linear(SHAPE[1], SHAPE[0]))
            os._exit(0 if torch.isfinite(layer.weight.detach()).all().item() else 1)
        deadline = time.monotonic() + 120
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
            time.sleep(0.05)
        if ended == (0, 0):
            os.kill(child, 9)
            os.waitpid(child, 0)
        self.assertEqual(ended, (child, 0))


if __name__ == "__main__":
    if sys.argv[1:] == ["--on-one-core"]:
        on_one_core()
    else:
        unittest.main()
