// The solvers by name. A new solver is a struct here and a source file of that name; svd.cpp does not compile until it
// is handled. docs/solvers.md says which to use when.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace sigmax {

/// Chooses by shape, number of triplets, which end of the spectrum, and accuracy: svd/policy.hpp has the table.
struct Auto {};

/// v <- A^T A v / |A^T A v|. The error of sigma^2 falls by (sigma_2 / sigma_1)^4 per step. For k = 1; use Deflation for
/// more.
struct PowerIteration {
  /// Which vector a step updates first. They differ in the vectors with which sigma = u^T A v is evaluated.
  enum class Order {
    u_first,  ///< u = A v / |A v|, v = A^T u / |A^T u|: torch.nn.utils.parametrizations.spectral_norm
    v_first,  ///< v = A^T u / |A^T u|, u = A v / |A v|: torch.nn.utils.spectral_norm
  };
  Order order = Order::u_first;
  std::optional<std::int64_t> steps{};  ///< exactly this many; empty: until the tolerance is met
};

/// k triplets one after another by power iteration, each on A minus the triplets before it: A - sum sigma_i u_i v_i^T.
struct Deflation {
  std::optional<std::int64_t> steps{};  ///< for each triplet; empty: until the tolerance is met
};

/// Lanczos with full reorthogonalization and thick restart.
struct Lanczos {
  enum class Form {
    automatic,  ///< gram, and bidiagonal if the wanted values are too small for it
    gram,       ///< on A^T A or A A^T, whichever is smaller: one read of A per step; loses values below sqrt(u) sigma_1
    bidiagonal,  ///< Golub-Kahan: two reads of A per step; the absolute error of small values equals that of large ones
  };
  Form form = Form::automatic;
  std::optional<std::int64_t> basis{};  ///< vectors kept before a restart; empty: chosen from k
};

/// Block Lanczos on the Gram operator: the best approximation from span(X, A^T A X, (A^T A)^2 X, ...) for a random X of
/// `block` columns, with little more reads than for one column.
struct BlockKrylov {
  std::optional<std::int64_t> block{};  ///< empty: chosen from k
  std::optional<std::int64_t> basis{};  ///< columns kept before a restart; empty: chosen from k and the block
};

/// The randomized range finder of Halko, Martinsson and Tropp (SIAM Review 53, 2011), algorithms 4.4 and 5.1: the best
/// approximation from the range of (A A^T)^q A X. Makes a fixed number of passes: the tolerance is not used.
struct Randomized {
  std::int64_t oversampling = 10;
  std::int64_t power_steps = 2;  ///< q
};

/// LAPACK's full decomposition of the operator as a matrix, in double; without vectors, through the Gram matrix if that
/// loses no accuracy.
struct DenseLapack {};

/// The smallest triplets of an operator that can be formed as a matrix: a QR factorization, then Lanczos on
/// (R^T R)^-1.
struct InverseLanczos {};

using Method =
    std::variant<Auto, PowerIteration, Deflation, Lanczos, BlockKrylov, Randomized, DenseLapack, InverseLanczos>;

/// The name in options and messages: "auto", "power", "deflation", "lanczos", "block-krylov", "randomized", "dense",
/// "inverse".
std::string_view name(const Method& method);

}  // namespace sigmax
