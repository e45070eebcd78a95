// The results of an audit: plain data, with everything that a report shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/core/bound.hpp"
#include "sigmax/core/dtype.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"

namespace sigmax::audit {

/// The kind of linear map that a weight is read as.
enum class Role {
  dense,         ///< a 2-dimensional weight, [out, in] in PyTorch's layout
  convolution,   ///< a kernel of 3 to 5 dimensions as the matrix [out, rest], and as an operator (OperatorNorm)
  recurrent,     ///< the stacked gates of an LSTM, GRU or RNN; its parts are the gates
  embedding,     ///< a table of vectors, [entries, width]
  expert_stack,  ///< a batch of matrices; its parts are the matrices, the whole is the block-diagonal matrix
};

/// `dense`, `convolution`, `recurrent`, `embedding`, `expert_stack`.
std::string_view name(Role role) noexcept;

/// The evidence that decided a role, strongest first.
enum class Evidence {
  user,        ///< `--as`
  graph,       ///< the operator that consumes the weight
  companion,   ///< names and shapes of the tensors next to it
  container,   ///< the file or dictionary that holds it
  known_name,  ///< a name with the same meaning everywhere
  shape,       ///< an assumption, for lack of better evidence
};

/// `user`, `graph`, `companion`, `container`, `name`, `shape`.
std::string_view name(Evidence evidence) noexcept;

/// The smallest rank that keeps a given share of the energy, sum sigma_i^2, and whether the two factors of that rank
/// have fewer parameters than the matrix: rank (rows + columns) < rows columns.
struct EnergyRank {
  std::int64_t rank = 0;
  bool saves_parameters = false;
};

/// Figures that need the full spectrum.
struct SpectrumFigures {
  double sigma_min = 0;  ///< the min(rows, columns)-th singular value
  /// sigma_max / sigma_min of the stored matrix; nothing if the computation cannot tell sigma_min from 0: it is at most
  /// max(rows, columns) 2^-52 sigma_max.
  std::optional<double> condition;
  /// Rounding to storage may explain sigma_min: it is at most u / sqrt(3) rms(w) (sqrt(rows) + sqrt(columns)), the norm
  /// that rounding errors typically have, u the unit roundoff of the storage (docs/audit.md derives it).
  bool from_rounding = false;
  /// In the worst case it may: sigma_min is at most u |W|_F, the most that any rounding errors can move it by.
  bool beyond_precision = false;
  double nuclear = 0;         ///< sum sigma_i
  double effective_rank = 0;  ///< exp(-sum p_i log p_i), p_i = sigma_i / sum sigma (Roy and Vetterli 2007)
  /// The number of sigma_i > max(u |W|_F, max(rows, columns) 2^-52 sigma_1), u the unit roundoff of the storage; at
  /// least 1 unless W = 0. Neither rounding to storage nor the computation can have produced those values.
  std::int64_t numerical_rank = 0;
  EnergyRank rank_90, rank_95, rank_99;
};

/// The figures of one matrix, in the units of its entries.
struct Figures {
  Enclosure sigma_max;
  double sigma_max_estimate = 0;                           ///< the best point estimate, within the enclosure
  double frobenius = 0;                                    ///< sqrt(sum w_ij^2)
  double norm_1 = 0;                                       ///< largest column sum of |w_ij|
  double norm_inf = 0;                                     ///< largest row sum of |w_ij|
  double max_abs = 0;                                      ///< largest |w_ij|
  double stable_rank = 0;                                  ///< frobenius^2 / sigma_max^2; 0 for a zero matrix
  std::optional<SpectrumFigures> spectrum = std::nullopt;  ///< nothing under `quick`
};

/// Entries that are NaN or infinite.
struct NonFinite {
  std::int64_t nan = 0;
  std::int64_t infinite = 0;
  Dimensions first;  ///< index of the first one, in the tensor's own shape
};

/// The norm of a convolution as an operator between images, and which convolution it is of.
struct OperatorNorm {
  Enclosure norm;
  double estimate = 0;     ///< within the enclosure
  std::string question{};  ///< `every_size`, the supremum over all image sizes; `input_size`, `circular`
  Dimensions stride{};     ///< one entry per spatial axis, as all lists
  Dimensions dilation{};
  Dimensions pad_low{};  ///< empty, as `pad_high`: not known, and of no consequence at every size
  Dimensions pad_high{};
  Dimensions output_padding{};  ///< of a transposed convolution; empty: not known, of no consequence at every size
  std::string padding_mode{};   ///< `zeros`, `circular`, `reflect`, `replicate`
  std::int64_t groups = 1;
  bool transposed = false;
  Dimensions input_size{};  ///< empty for every size
  std::vector<std::string>
      assumed{};  ///< `stride`, `dilation`, `padding`, `output_padding`: nothing states them; see ConvolutionToMeasure
};

/// A gate, or one matrix of a stack.
struct Part {
  std::string name;  ///< `input gate`, `forward`, `[3]`
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Figures figures;
};

/// One audited weight.
struct TensorResult {
  std::string name;
  std::string file;  ///< the file that holds it
  std::string provenance;
  Dimensions shape;
  DType dtype = DType::f32;
  Role role = Role::dense;
  Evidence role_evidence = Evidence::shape;
  std::string layout;     ///< the meaning assigned to the tensor's axes: `[out, in / 4, kernel, kernel]`
  std::int64_t rows = 0;  ///< of the measured matrix (for a stack, of one block)
  std::int64_t columns = 0;
  std::int64_t batch = 1;          ///< number of such blocks
  std::optional<Figures> figures;  ///< nothing if there are non-finite entries
  std::optional<NonFinite> non_finite;
  /// For a convolution: its own norm, where `figures` are those of the reshaped kernel. Nothing if it was not computed.
  std::optional<OperatorNorm> operator_norm;
  std::vector<Part> parts;
  double seconds = 0;
};

/// One tensor that was not audited, and why.
struct Skipped {
  std::string name;
  std::string file;
  std::string provenance;
  Dimensions shape;
  std::string dtype;
  std::string reason;
  std::optional<Evidence> role_evidence{};  ///< why it is known not to be a weight; nothing if it could not be a matrix
  bool unread_weight = false;               ///< it may be a weight, and its values could not be read (roles/unread.hpp)
};

/// The outcome of a check of the weights (`--fail-if`).
struct GateOutcome {
  enum class Verdict { passed, tripped, not_judged };

  /// A figure used by the expression, as a message shows it: `5.25`, `in [1, 2]`.
  struct Reading {
    std::string key;
    std::string value;
  };

  /// A weight that met the expression.
  struct Tripped {
    std::string name;
    std::string file;
    std::vector<Reading> readings;
  };

  /// Something that could not be judged. A gate does not ignore it unless that was allowed.
  struct NotJudged {
    std::string name;  ///< empty: not about one weight
    std::string file;
    std::string reason;  ///< `unread`, `nan`, `empty`, `missing` or `lower_only`
    std::string detail;  ///< in words
    bool allowed = false;
    bool is_file = false;  ///< not a weight, but a file that may hold some
  };

  std::string expression;
  Verdict verdict = Verdict::passed;
  std::int64_t judged = 0;  ///< weights for which it is known whether the expression holds
  std::vector<Tripped> tripped;
  std::vector<NotJudged> not_judged;
};

/// `passed`, `tripped`, `not_judged`.
std::string_view name(GateOutcome::Verdict verdict) noexcept;

struct ModelFile {
  std::string path;
  std::string format;
  std::uint64_t bytes = 0;
};

/// A file that may hold weights and was not read.
struct UnreadFile {
  std::string path;
  std::string reason;
};

struct Model {
  std::string path;  ///< the paths as given, separated by blanks if there are several
  std::string format;
  std::vector<ModelFile> files;
  std::vector<std::string> notes;
  std::vector<UnreadFile> unread_files;  ///< as io::Checkpoint has them
};

struct Summary {
  std::int64_t audited = 0;  ///< number of weights in `tensors`
  std::int64_t skipped = 0;  ///< number of tensors in `skipped`
  std::int64_t unread = 0;   ///< of those, tensors that may be weights and could not be read
  std::int64_t proven = 0;   ///< weights whose sigma_max has a proven upper end
  std::int64_t probabilistic = 0;
  std::int64_t lower_only = 0;
  std::int64_t non_finite = 0;  ///< weights with NaN or infinite entries
  std::int64_t parameters = 0;  ///< elements of the audited weights
  std::uint64_t bytes = 0;      ///< their size in storage
  double seconds = 0;           ///< wall time of the audit
  int threads = 0;
};

struct Result {
  Model model;
  std::vector<TensorResult> tensors;  ///< in the checkpoint's order
  std::vector<Skipped> skipped;
  bool full_spectrum = true;
  Seed seed;  ///< of this audit's random starts: Options::seed, or the one drawn
  Summary summary;
  std::vector<GateOutcome> gates;  ///< filled in by the code that judges the result; empty if it was not judged
};

}  // namespace sigmax::audit
