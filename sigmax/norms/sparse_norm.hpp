// Any norm of a matrix of which few entries are stored.
#pragma once

#include "sigmax/core/context.hpp"
#include "sigmax/norms/result.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/ops/sparse.hpp"

namespace sigmax::norms {

/// The norm of a sparse matrix, by its stored entries where they are enough:
///
/// | norm | cost | enclosure |
/// | --- | --- | --- |
/// | norms of entries, induced 1 -> Q and P -> infinity | two reads of the stored entries | proven, as of a stored
/// dense matrix | | Spectral, induced 2 -> 2 | sigma_max() of a sparse matrix | proven up to
/// NormOptions::certify.proven_up_to | | any other | as norm() of the operator sparse() | as there: it is known through
/// its products alone |
///
/// With equal random states the result has the same bits for any number of threads. Throws Error for a matrix without
/// rows or columns, stored entries that are NaN or infinite, and as norm() does.
NormResult norm(const SparseMatrix& matrix, const Norm& which, const NormOptions& options, Context& context);

/// On every hardware thread.
NormResult norm(const SparseMatrix& matrix, const Norm& which, const NormOptions& options = {});

}  // namespace sigmax::norms
