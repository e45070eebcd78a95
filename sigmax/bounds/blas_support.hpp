// Whether proofs that rest on BLAS are to be had.
#pragma once

namespace sigmax::bounds {

/// Whether the BLAS that this program is linked with passes a self-test of how it forms inner products
/// (docs/proofs.md), which runs once a process, when it is first asked for, and takes some milliseconds. Where it does
/// not pass, nothing is proven by a factorization or by forming a product; proven ends from norms and Collatz
/// quotients, which rest on sigmax's own kernels, stay, and are wider.
bool blas_supports_proofs();

}  // namespace sigmax::bounds
