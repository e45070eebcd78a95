// Deflation: one triplet after another. The solver is solve(..., Deflation, ...) of svd/solvers.hpp; this header says
// what it guarantees.
//
// Triplet i is found by power iteration on B_i = (I - U U^T) A (I - V V^T), U and V the vectors before it: the source
// text's A - sum_j sigma_j u_j v_j^T, which equals B_i for exact triplets, never formed. Because u and v are projected,
// twice, U and V are orthonormal to rounding whatever the triplets' errors are.
//
// Errors. If the vectors before are wrong by angles e_j (a residual of r_j sigma_1 and a gap: e_j about
// r_j sigma_1 / gap_j), B_i has the singular values of A from the i-th on but for O(sigma_1 sum e_j^2), and none above
// sigma_1: the errors of the values add up, they do not multiply. Its vectors are turned towards the earlier ones by
// the e_j. A Rayleigh-Ritz step over all of span(V) at the end takes that out, and puts values that power iteration met
// in the wrong order (two close ones) into order: A v_i = sigma_i u_i holds to rounding, as for every solver. Where the
// tolerance is met on the values, the vectors are good to about its square root only: ask for Accuracy::vectors where
// later triplets matter.
//
// Cost: one read of A a step, one a triplet, and one for 8 triplets at the end; the error of sigma_i^2 falls by
// (sigma_{i+1} / sigma_i)^4 a step. Lanczos needs fewer by a factor that grows with k: Deflation is here because it is
// what people know, and for its small memory, (rows + 2 columns) (k + 1) numbers.
#pragma once

#include "sigmax/svd/solvers.hpp"
