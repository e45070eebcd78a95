// Deflation: one triplet after another. The solver is solve(..., Deflation, ...) of svd/solvers.hpp; this header says
// what it guarantees.
//
// Triplet i is found by power iteration on B_i = (I - U U^T) A (I - V V^T), U and V the vectors before it: the source
// text's A - sum_j sigma_j u_j v_j^T, which equals B_i for exact triplets, never formed. Because u and v are projected,
// twice, U and V are orthonormal to rounding whatever the triplets' errors are.
//
// Errors. If the vectors before are wrong by angles e_j (a residual of r_j sigma_1 and a gap: e_j about
// r_j sigma_1 / gap_j), B_i has the singular values of A from the i-th on but for O(sigma_1 sum e_j^2), and none above
// sigma_1: the errors of the values add up, they do not multiply. A^T u_i = sigma_i v_i holds as well as the iteration
// converged, A v_i = sigma_i u_i + sum_j c_j u_j with |c_j| <= r_j sigma_1, the earlier residuals; the residual in the
// result is the larger of the two. Where the tolerance is met on the values, their vectors are good to about its square
// root only: ask for Accuracy::vectors where later triplets matter. Values that power iteration meets in the wrong
// order (two close ones) are put into order at the end.
//
// Cost: one read of A a step and one a triplet; the error of sigma_i^2 falls by (sigma_{i+1} / sigma_i)^4 a step.
// Lanczos needs fewer by a factor that grows with k: Deflation is here because it is what people know, and for its
// small memory, (rows + 2 columns) (k + 1) numbers.
#pragma once

#include "sigmax/svd/solvers.hpp"
