// Whether proofs that rely on BLAS are available.
#pragma once

namespace sigmax::bounds {

/// Whether the BLAS that this program is linked with passes a self-test of how it forms inner products
/// (docs/proofs.md). The self-test runs once per process, on the first call, and takes a few milliseconds. If it does
/// not pass, nothing is proven by a factorization or by forming a product. Proven ends from norms and Collatz quotients
/// rely on sigmax's own kernels; they remain, and are wider.
bool blas_supports_proofs();

/// As above, for the routines of float. Only proofs of convolutions rely on them, to exclude cells with room to spare;
/// if the self-test does not pass, they work in double.
bool single_blas_supports_proofs();

}  // namespace sigmax::bounds
