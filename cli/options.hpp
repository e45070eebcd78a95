// The command line as typed options: the checked request, without any implementation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/certify/gate.hpp"
#include "cli/certify/request.hpp"
#include "cli/gate/gate.hpp"
#include "cli/lipschitz/gate.hpp"
#include "cli/reading/convolution_options.hpp"
#include "cli/reading/name_filter.hpp"
#include "cli/reading/role_overrides.hpp"
#include "sigmax/core/rng.hpp"
#include "sigmax/core/tensor.hpp"
#include "sigmax/graph/scalar_function.hpp"
#include "sigmax/lipschitz/classifier.hpp"
#include "sigmax/lipschitz/lmi/lmi.hpp"
#include "sigmax/norms/norm.hpp"
#include "sigmax/report/order.hpp"
#include "sigmax/svd/method.hpp"
#include "sigmax/svd/svd.hpp"

namespace sigmax::cli {

enum class Color { automatic, always, never };
enum class Format { table, json, csv, markdown };

/// Options of every command.
struct CommonOptions {
  Color color = Color::automatic;
  bool quiet = false;    ///< no progress, notes or warnings; no table unless requested
  bool verbose = false;  ///< more detail everywhere
};

/// A report written to a file, in addition to the one on standard output.
struct ReportFile {
  enum class Kind { json, html, csv, markdown };
  Kind kind;
  std::string path;
};

struct AuditOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  NameFilter names;
  RoleOverrides roles;
  ConvolutionOverrides convolutions;
  /// The relative width of a convolution's operator norm; nothing: the audit's, or under `quick` none at all.
  std::optional<double> norm_width{};
  bool operator_norms = true;
  std::int64_t min_dim = 1;
  report::Order sort;                ///< by default the checkpoint's order
  std::optional<std::size_t> top{};  ///< empty: all
  int jobs = 0;                      ///< 0: every hardware thread
  bool quick = false;
  CertifyRequest certify;
  double failure_probability = 1e-9;
  std::optional<Seed> seed{};  ///< nothing: drawn from the system
  Format format = Format::table;
  bool prints = true;  ///< false: nothing to standard output
  std::vector<ReportFile> files;
  std::string certificate{};  ///< the file for it; empty: none
  std::vector<Gate> gates;
  std::set<Reason> allowed;  ///< reasons that gates may ignore
  std::string command;       ///< the command line, as quoted in reports
};

struct ListOptions {
  enum class Sort { file_order, name, elements, bytes };
  CommonOptions common;
  std::vector<std::string> paths;
  NameFilter names;
  std::int64_t min_dim = 1;
  Sort sort = Sort::file_order;
  bool descending = false;
  std::optional<std::size_t> top{};  ///< empty: all
  Format format = Format::table;
};

struct NormRequest {
  enum class Format { text, value, json };
  CommonOptions common;
  std::string target;  ///< FILE or FILE:TENSOR
  RoleOverrides roles;
  std::string ord = "2";
  norms::Norm norm;
  std::optional<ConvolutionRequest> convolution{};  ///< the kernel as an operator
  bool all = false;                                 ///< every usual norm, as a table
  bool enclose = false;  ///< enclosures of functions of all singular values also of large matrices
  int jobs = 0;
  Format format = Format::text;
};

struct CondRequest {
  enum class Format { text, value, json };
  CommonOptions common;
  std::string target;  ///< FILE or FILE:TENSOR
  RoleOverrides roles;
  std::string ord = "2";
  norms::Norm norm;
  CertifyRequest certify;
  std::optional<Seed> seed{};  ///< nothing: drawn from the system
  int jobs = 0;
  Format format = Format::text;
};

/// Which entries of a network's outputs, counted from 0 over all outputs one after another.
struct EntryChoice {
  bool all = false;
  std::vector<std::pair<std::size_t, std::size_t>> ranges{};  ///< the first and the last
};

/// Which differences of two entries.
struct PairChoice {
  bool all = false;
  std::vector<std::size_t> with_all{};  ///< with each of the others
  std::vector<std::pair<std::size_t, std::size_t>> pairs{};
};

/// Balls of one radius around given inputs.
struct AroundInputs {
  std::string path;  ///< a NumPy array: one input, or the first axis counts them
  double radius = 0;
};

struct LipschitzRequest {
  enum class Format { text, value, json, csv, markdown };
  CommonOptions common;
  std::string path;
  std::map<std::string, Dimensions> input_shapes{};
  std::map<std::string, std::string> input_values{};  ///< a number, or the path of a NumPy array
  std::vector<std::string> outputs{};                 ///< of the file, by name; empty: all
  std::optional<graph::Interval> box{};  ///< every entry of every input; nothing, and no `input_norm`: all inputs
  std::optional<double> input_norm{};    ///< of all inputs together, at most
  std::optional<EntryChoice> per_output{};
  std::optional<PairChoice> per_pair{};
  std::optional<AroundInputs> around{};
  lipschitz::LmiEffort effort = lipschitz::LmiEffort::standard;
  lipschitz::VectorNorm norm = lipschitz::VectorNorm::two;  ///< of inputs, outputs and balls
  bool no_lower = false;
  std::optional<Seed> seed{};  ///< nothing: drawn from the system
  int jobs = 0;
  Format format = Format::text;
  std::string certificate{};  ///< the file for it; empty: none
  bool prints = true;         ///< false: nothing to standard output
  std::vector<ReportFile> files;
  std::vector<NetworkGate> gates;
  std::string command;  ///< the command line, as quoted in reports
};

/// x = stored over / under.
struct DataScale {
  double over = 1;
  double under = 1;
  bool operator==(const DataScale&) const = default;
};

/// `sigmax certify`.
struct AccuracyRequest {
  enum class Format { text, json, csv, markdown };
  CommonOptions common;
  std::string path;
  std::string data;    ///< FILE or FILE:ARRAY
  std::string labels;  ///< the same; empty: in the file of the data
  std::vector<double> radii;
  DataScale scale;
  lipschitz::InputNormalization normalization;
  std::map<std::string, Dimensions> input_shapes{};
  std::optional<graph::Interval> box{};
  std::optional<std::size_t> samples{};  ///< nothing: all
  std::size_t local_limit = 1000;
  bool no_attack = false;
  bool per_sample = false;
  lipschitz::LmiEffort effort = lipschitz::LmiEffort::standard;
  std::vector<AccuracyGate> gates;
  std::optional<Seed> seed{};  ///< nothing: drawn from the system
  int jobs = 0;
  Format format = Format::text;
};

struct SvdRequest {
  enum class Format { table, values, csv, json };
  struct Output {
    enum class Kind { npz, safetensors, npy };
    Kind kind;
    std::string path;
  };
  CommonOptions common;
  std::string target;  ///< FILE or FILE:TENSOR
  RoleOverrides roles;
  std::optional<std::int64_t> count = 10;  ///< nothing: all
  bool capped = true;                      ///< `count` is the default: fewer triplets if the matrix has fewer
  bool smallest = false;
  bool values_only = false;
  Accuracy accuracy = Accuracy::values;
  double tolerance = 1e-10;
  Method method = Auto{};
  std::int64_t max_products = 10000;
  CertifyRequest certify;
  std::optional<Seed> seed{};  ///< nothing: drawn from the system
  int jobs = 0;
  Format format = Format::table;
  bool prints = true;  ///< false: nothing to standard output
  std::vector<ReportFile> files;
  std::optional<Output> output;
};

/// Help, the version, or a usage error: text to print and the exit code.
struct Message {
  std::string text;
  int exit_code = 0;  ///< 0: to standard output; otherwise to standard error
};

/// Reads the command line. Throws Error for a value that no command accepts (a malformed expression, an unknown
/// column); returns a Message with exit code 2 for anything that the parser itself refuses.
using Command = std::variant<AuditOptions, ListOptions, NormRequest, CondRequest, SvdRequest, LipschitzRequest,
                             AccuracyRequest, Message>;
Command parse(int argc, const char* const* argv);

}  // namespace sigmax::cli
