// What a program needs, in one include. docs/cpp.md shows it at work.
//
//   io::open_checkpoint      files of weights: named tensors, mapped, from anywhere
//   Tensor::view_of          memory of your own as a tensor, without a copy
//   dense, low_rank, A + B   linear operators, and operators made of operators (ops/compose.hpp)
//   sigma_max                the largest singular value as an interval, proven where that is affordable
//   norms::norm              any norm of one matrix, by name; norms::induced_norm for p -> q with its maximizer
//   svd, batched_svd         singular triplets; certify_values encloses each value
//   grad::norm_vjp, svd_vjp  gradients of norms, singular values and vectors
//   sensitivity::condition   condition numbers with proof, and the nearest singular matrix; sensitivity/ has
//                            perturbation, backward errors, Tikhonov regularization and non-normality as well
//   recovery::complete       a low-rank matrix from some of its entries, with a proven gap; soft_impute, robust_pca
//   nn::step, nn::proximal   spectral normalization and regularizers on a network's own memory
//
// A program whose compile time matters includes the headers that it uses; each stands alone. The audit of a whole
// checkpoint has headers of its own (audit/audit.hpp, report/).
#pragma once

#include "sigmax/bounds/certify.hpp"
#include "sigmax/bounds/certify_values.hpp"
#include "sigmax/bounds/circular_convolution.hpp"
#include "sigmax/bounds/convolution.hpp"
#include "sigmax/bounds/sigma_max.hpp"
#include "sigmax/bounds/sparse_sigma_max.hpp"
#include "sigmax/core/bound.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/grad/convolution_norm_vjp.hpp"
#include "sigmax/grad/gauge_vjp.hpp"
#include "sigmax/grad/norm_vjp.hpp"
#include "sigmax/grad/svd_jvp.hpp"
#include "sigmax/grad/svd_vjp.hpp"
#include "sigmax/graph/evaluate.hpp"
#include "sigmax/graph/ranges.hpp"
#include "sigmax/io/checkpoint.hpp"
#include "sigmax/lipschitz/attack.hpp"
#include "sigmax/lipschitz/certified_accuracy.hpp"
#include "sigmax/lipschitz/classifier.hpp"
#include "sigmax/lipschitz/lower.hpp"
#include "sigmax/lipschitz/output_bounds.hpp"
#include "sigmax/lipschitz/pairs.hpp"
#include "sigmax/lipschitz/walk.hpp"
#include "sigmax/nn/normalize.hpp"
#include "sigmax/nn/normalize_layers.hpp"
#include "sigmax/nn/normalize_vjp.hpp"
#include "sigmax/nn/proximal.hpp"
#include "sigmax/nn/regularize.hpp"
#include "sigmax/nn/regularize_convolution.hpp"
#include "sigmax/norms/catalog.hpp"
#include "sigmax/norms/dual.hpp"
#include "sigmax/norms/equivalence.hpp"
#include "sigmax/norms/gauge.hpp"
#include "sigmax/norms/induced.hpp"
#include "sigmax/norms/majorization.hpp"
#include "sigmax/norms/matrix_proximal.hpp"
#include "sigmax/norms/mean_gain.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/norms/norm_of_blocks.hpp"
#include "sigmax/norms/numerical_radius.hpp"
#include "sigmax/norms/sparse_norm.hpp"
#include "sigmax/norms/spectral.hpp"
#include "sigmax/norms/vector.hpp"
#include "sigmax/ops/compose.hpp"
#include "sigmax/ops/convolution/convolution.hpp"
#include "sigmax/ops/convolution/framework_terms.hpp"
#include "sigmax/ops/dense.hpp"
#include "sigmax/ops/diagonal.hpp"
#include "sigmax/ops/function.hpp"
#include "sigmax/ops/kronecker.hpp"
#include "sigmax/ops/low_rank.hpp"
#include "sigmax/ops/selection.hpp"
#include "sigmax/ops/sparse.hpp"
#include "sigmax/recovery/completion.hpp"
#include "sigmax/recovery/robust_pca.hpp"
#include "sigmax/sensitivity/condition.hpp"
#include "sigmax/sensitivity/estimate.hpp"
#include "sigmax/sensitivity/linear_system.hpp"
#include "sigmax/sensitivity/nearest_singular.hpp"
#include "sigmax/sensitivity/non_normality.hpp"
#include "sigmax/sensitivity/perturbation.hpp"
#include "sigmax/sensitivity/tikhonov.hpp"
#include "sigmax/svd/batched/batched.hpp"
#include "sigmax/svd/svd.hpp"
