#include "sigmax/report/columns.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "sigmax/core/error.hpp"
#include "sigmax/report/number.hpp"
#include "sigmax/report/operator_norm.hpp"

namespace sigmax::report {
namespace {

using audit::Figures;
using audit::SpectrumFigures;

template <auto Member>
Value of_figures(const WeightRow& row) {
  if (row.figures() == nullptr) return {};
  return row.figures()->*Member;
}

template <auto Member>
Value of_spectrum(const WeightRow& row) {
  if (row.spectrum() == nullptr) return {};
  return row.spectrum()->*Member;
}

template <auto Member>
Value rank_of(const WeightRow& row) {
  if (row.spectrum() == nullptr) return {};
  return (row.spectrum()->*Member).rank;
}

template <auto Member>
Value rank_saves(const WeightRow& row) {
  if (row.spectrum() == nullptr) return {};
  return (row.spectrum()->*Member).saves_parameters;
}

template <auto Member>
std::string rank_text(const WeightRow& row, const Glyphs& signs) {
  if (row.spectrum() == nullptr) return std::string(signs.none);
  const audit::EnergyRank& energy = row.spectrum()->*Member;
  // A missing mark is replaced by blanks, so that the digits of a column stay aligned.
  const std::string blank(display_width(signs.saves), ' ');
  return fmt::format("{}{}", energy.rank, energy.saves_parameters ? std::string(signs.saves) : blank);
}

template <auto Member>
std::string text_digits4(const WeightRow& row, const Glyphs& signs) {
  return row.figures() == nullptr ? std::string(signs.none) : significant(row.figures()->*Member, 4);
}

const UpperBound* upper_end(const WeightRow& row) {
  if (row.figures() == nullptr || !row.figures()->sigma_max.upper) return nullptr;
  return &*row.figures()->sigma_max.upper;
}

template <auto Member>
Value of_convolution(const WeightRow& row) {
  if (row.convolution() == nullptr) return {};
  return row.convolution()->*Member;
}

Value operator_norm_value(const WeightRow& row) {
  return row.operator_norm() != nullptr ? Value(*row.operator_norm()) : Value();
}

std::string enclosure_text(const Enclosure& norm, const Glyphs& signs) {
  std::string digits = enclosure(norm, signs);
  if (!norm.upper) return digits;
  return fmt::format("{} {}", digits, norm.is_proven() ? signs.proven : signs.probabilistic);
}

std::string operator_norm_text(const WeightRow& row, const Glyphs& signs) {
  if (row.operator_norm() == nullptr) return std::string(signs.none);
  const bool assumed = row.convolution() != nullptr && !row.convolution()->assumed.empty();
  return enclosure_text(*row.operator_norm(), signs) + std::string(assumed ? signs.assumed : std::string_view());
}

Value operator_lower(const WeightRow& row) {
  return row.convolution() != nullptr ? Value(row.convolution()->norm.lower.value()) : Value();
}

Value operator_upper(const WeightRow& row) {
  const bool known = row.convolution() != nullptr && row.convolution()->norm.upper;
  return known ? Value(row.convolution()->norm.upper->value()) : Value();
}

Value operator_kind(const WeightRow& row) {
  return row.convolution() != nullptr ? Value(std::string(kind(row.convolution()->norm))) : Value();
}

Value assumed_value(const WeightRow& row) {
  if (row.convolution() == nullptr) return {};
  return fmt::format("{}", fmt::join(row.convolution()->assumed, " "));
}

Value convolution_value(const WeightRow& row) {
  return row.convolution() != nullptr ? Value(convolution_text(*row.convolution())) : Value();
}

std::string convolution_cell(const WeightRow& row, const Glyphs&) {
  return row.convolution() != nullptr ? convolution_text(*row.convolution()) : std::string(" ");
}

Value name_value(const WeightRow& row) { return row.tensor->name; }

std::string name_text(const WeightRow& row, const Glyphs& signs) {
  return visible(row.part != nullptr ? row.part->name : row.tensor->name, signs.unicode);
}

Value part_value(const WeightRow& row) { return row.part != nullptr ? Value(row.part->name) : Value(); }

Value dtype_value(const WeightRow& row) { return std::string(name(row.tensor->dtype)); }

Value role_value(const WeightRow& row) { return std::string(audit::name(row.tensor->role)); }

std::string role_text(const WeightRow& row, const Glyphs&) {
  return row.part != nullptr ? std::string(" ") : std::string(audit::name(row.tensor->role));
}

std::string dtype_text(const WeightRow& row, const Glyphs&) {
  return row.part != nullptr ? std::string(" ") : std::string(name(row.tensor->dtype));
}

Value file_value(const WeightRow& row) { return row.tensor->file; }

std::string file_text(const WeightRow& row, const Glyphs& signs) {
  if (row.part != nullptr) return " ";
  const std::string& file = row.tensor->file;
  return shorten_file(visible(file.substr(file.find_last_of('/') + 1), signs.unicode), 24, signs);
}

Value shape_value(const WeightRow& row) {
  return row.part != nullptr ? fmt::format("[{}, {}]", row.rows(), row.columns()) : to_string(row.tensor->shape);
}

Value matrix_value(const WeightRow& row) { return row.rows() * row.columns() * row.batch(); }

std::string matrix_cell(const WeightRow& row, const Glyphs& signs) {
  const bool reshaped = row.tensor->role == audit::Role::convolution && !row.tensor->operator_norm;
  return (reshaped ? std::string(signs.reshaped) : std::string()) + matrix_text(row);
}

Value bytes_value(const WeightRow& row) {
  const auto elements = element_count(row.tensor->shape);
  const std::int64_t count = row.part != nullptr ? row.rows() * row.columns() : elements.value_or(0);
  return static_cast<std::int64_t>(count / 8 * bits(row.tensor->dtype) + (count % 8 * bits(row.tensor->dtype) + 7) / 8);
}

std::string bytes_cell(const WeightRow& row, const Glyphs&) {
  return bytes_text(static_cast<std::uint64_t>(*bytes_value(row).as<std::int64_t>()));
}

Value lower_value(const WeightRow& row) {
  return row.figures() != nullptr ? Value(row.figures()->sigma_max.lower.value()) : Value();
}

Value upper_value(const WeightRow& row) { return upper_end(row) != nullptr ? Value(upper_end(row)->value()) : Value(); }

Value kind_value(const WeightRow& row) {
  return row.figures() != nullptr ? Value(std::string(kind(row.figures()->sigma_max))) : Value();
}

Value failure_value(const WeightRow& row) {
  return upper_end(row) != nullptr ? Value(upper_end(row)->failure_probability()) : Value();
}

std::string sigma_max_text(const WeightRow& row, const Glyphs& signs) {
  return row.figures() == nullptr ? std::string(signs.none) : enclosure_text(row.figures()->sigma_max, signs);
}

Value width_value(const WeightRow& row) {
  if (upper_end(row) == nullptr) return {};
  return row.figures()->sigma_max.relative_width();
}

std::string width_text(const WeightRow& row, const Glyphs& signs) {
  const Value width = width_value(row);
  if (const auto* number = width.as<double>()) return significant(*number, 2, Rounding::up);
  return std::string(signs.none);
}

Value lambda_max_value(const WeightRow& row) {
  if (row.figures() == nullptr) return {};
  return row.figures()->sigma_max_estimate * row.figures()->sigma_max_estimate;
}

Value condition_value(const WeightRow& row) {
  if (row.spectrum() == nullptr || !row.spectrum()->condition) return {};
  return *row.spectrum()->condition;
}

std::string condition_text(const WeightRow& row, const Glyphs& signs) {
  if (row.spectrum() == nullptr) return std::string(signs.none);
  if (row.figures()->max_abs == 0) return "infinite";
  const std::string mark(row.spectrum()->from_rounding ? signs.rounded : std::string_view());
  if (row.spectrum()->condition) return mark + significant(*row.spectrum()->condition, 3);
  const double least = computable_condition(row);
  const int exponent = static_cast<int>(std::floor(std::log10(least)));
  return fmt::format("{}> {:.0f}e{}", mark, std::max(1.0, std::floor(least / std::pow(10.0, exponent))), exponent);
}

template <auto Member>
Value non_finite_count(const WeightRow& row) {
  if (row.part != nullptr || !row.tensor->non_finite) return {};
  return (*row.tensor->non_finite).*Member;
}

Value non_finite_first(const WeightRow& row) {
  if (row.part != nullptr || !row.tensor->non_finite) return {};
  return to_string(row.tensor->non_finite->first);
}

Value seconds_value(const WeightRow& row) { return row.part != nullptr ? Value() : Value(row.tensor->seconds); }

std::string seconds_text(const WeightRow& row, const Glyphs&) {
  return row.part != nullptr ? std::string(" ") : duration_text(row.tensor->seconds);
}

constexpr auto kLeft = Alignment::left;
constexpr auto kRight = Alignment::right;

std::vector<WeightColumn> make_columns() {
  return {
      {"name", "weight", "The tensor's own name in its file.", kLeft, table | data, 1, name_value, name_text},
      {"part", "part", "A gate of a recurrent weight, or one matrix of a stack.", kLeft, data, 0, part_value},
      {"file", "file", "The file that holds the weight.", kLeft, table | data, 90, file_value, file_text},
      {"provenance", "provenance", "Where the tensor is in its file.", kLeft, data, 0,
       [](const WeightRow& row) -> Value { return row.tensor->provenance; }},
      {"role", "role", "Which kind of linear map the weight is read as.", kLeft, table | data, 7, role_value,
       role_text},
      {"dtype", "dtype", "How an element is stored.", kLeft, table | data, 8, dtype_value, dtype_text},
      {"shape", "shape", "The tensor's shape.", kLeft, data, 0, shape_value},
      {"matrix", "matrix",
       "Rows x columns of the measured matrix; rows are outputs. For a convolution it is the kernel reshaped to [out, "
       "rest], one matrix per group; all figures are of that matrix, except operator_norm.",
       kRight, table, 1, matrix_value, matrix_cell},
      {"rows", "rows", "Rows of the measured matrix.", kRight, data, 0,
       [](const WeightRow& row) -> Value { return row.rows(); }},
      {"columns", "columns", "Columns of the measured matrix.", kRight, data, 0,
       [](const WeightRow& row) -> Value { return row.columns(); }},
      {"batch", "batch", "How many such matrices are stacked.", kRight, data, 0,
       [](const WeightRow& row) -> Value { return row.batch(); }},
      {"bytes", "bytes", "Size of the weight in its storage type.", kRight, table | data | figure, 16, bytes_value,
       bytes_cell},
      {"operator_norm", "operator norm",
       "How strongly the layer can stretch its input, max |Ax| / |x|: of a convolution the norm of the operator "
       "between "
       "images, of anything else sigma_max. Only digits on which both ends of the enclosure agree are shown.",
       Alignment::decimal, table, 1, operator_norm_value, operator_norm_text},
      {"operator_norm_lower", "operator norm lower", "The lower end of the enclosure of a convolution's own norm.",
       kRight, data, 0, operator_lower},
      {"operator_norm_upper", "operator norm upper", "The upper end of the enclosure of a convolution's own norm.",
       kRight, data, 0, operator_upper},
      {"operator_norm_kind", "operator norm kind", "How the upper end is known: proven, probabilistic or lower_only.",
       kLeft, data, 0, operator_kind},
      {"operator_norm_question", "operator norm question",
       "Which norm of the convolution it is: at every image size (the supremum), at one input_size, or circular.",
       kLeft, data, 0, of_convolution<&audit::OperatorNorm::question>},
      {"operator_norm_assumed", "operator norm assumed",
       "What nothing states about the convolution: stride and dilation, taken to be 1, padding, taken to be zeros, and "
       "output padding, taken to be 0.",
       kLeft, data, 0, assumed_value},
      {"convolution", "convolution", "The size of the image, and the convolution's stride, dilation and padding mode.",
       kLeft, table | data, 9, convolution_value, convolution_cell},
      {"sigma_max", "sigma_max",
       "The largest singular value, max |Wx| / |x|: how strongly the weight can stretch its input. Only digits on "
       "which "
       "both ends of the enclosure agree are shown.",
       Alignment::decimal, table, 1, of_figures<&Figures::sigma_max>, sigma_max_text},
      {"sigma_max_lower", "sigma_max lower", "The lower end of the enclosure of sigma_max.", kRight, data, 0,
       lower_value},
      {"sigma_max_upper", "sigma_max upper", "The upper end of the enclosure of sigma_max.", kRight, data, 0,
       upper_value},
      {"sigma_max_kind", "sigma_max kind", "How the upper end is known: proven, probabilistic or lower_only.", kLeft,
       data, 0, kind_value},
      {"sigma_max_failure_probability", "failure probability",
       "The probability that the upper end is wrong; 0 if it is proven.", kRight, data, 0, failure_value},
      {"sigma_max_estimate", "sigma_max estimate", "The best point estimate of sigma_max, inside the enclosure.",
       kRight, data | figure, 0, of_figures<&Figures::sigma_max_estimate>},
      {"sigma_max_width", "enclosure width", "(upper - lower) / upper of the enclosure of sigma_max.", kRight, table,
       17, width_value, width_text},
      {"lambda_max", "lambda_max", "sigma_max^2, the largest eigenvalue of W^T W.", kRight, data | figure, 0,
       lambda_max_value},
      {"stable_rank", "stable rank",
       "|W|_F^2 / sigma_max^2: how many directions carry the energy; unlike the rank, it hardly changes under "
       "rounding.",
       kRight, table | data | figure, 2, of_figures<&Figures::stable_rank>, text_digits4<&Figures::stable_rank>},
      {"condition", "condition",
       "sigma_max / sigma_min of the stored matrix: how unevenly it stretches. Marked where rounding to storage may "
       "explain sigma_min, which is then at most u / sqrt(3) rms(w) (sqrt(rows) + sqrt(columns)), as rounding errors "
       "typically are; "
       "in the worst case they reach u |W|_F, where u is the storage's unit roundoff. `> x`: sigma_min cannot be told "
       "from 0; `infinite`: the matrix is 0.",
       kRight, table | data | figure, 3, condition_value, condition_text},
      {"condition_beyond_precision", "beyond precision",
       "True if sigma_min is at most u |W|_F, where u is the storage's unit roundoff: the worst case of rounding.",
       kLeft, data | figure, 0, of_spectrum<&SpectrumFigures::beyond_precision>},
      {"condition_from_rounding", "from rounding",
       "True if sigma_min is at most u / sqrt(3) rms(w) (sqrt(rows) + sqrt(columns)), the typical norm of rounding.",
       kLeft, data | figure, 0, of_spectrum<&SpectrumFigures::from_rounding>},
      {"rank_90", "rank 90%", "The smallest rank that keeps 90 % of the energy, sum sigma_i^2.", kRight,
       table | data | figure, 15, rank_of<&SpectrumFigures::rank_90>, rank_text<&SpectrumFigures::rank_90>},
      {"rank_90_saves_parameters", "rank 90% saves",
       "True if two factors of that rank take fewer parameters than the matrix.", kLeft, data | figure, 0,
       rank_saves<&SpectrumFigures::rank_90>},
      {"rank_95", "rank 95%", "The smallest rank that keeps 95 % of the energy, sum sigma_i^2.", kRight,
       table | data | figure, 4, rank_of<&SpectrumFigures::rank_95>, rank_text<&SpectrumFigures::rank_95>},
      {"rank_95_saves_parameters", "rank 95% saves",
       "True if two factors of that rank take fewer parameters than the matrix.", kLeft, data | figure, 0,
       rank_saves<&SpectrumFigures::rank_95>},
      {"rank_99", "rank 99%", "The smallest rank that keeps 99 % of the energy, sum sigma_i^2.", kRight,
       table | data | figure, 14, rank_of<&SpectrumFigures::rank_99>, rank_text<&SpectrumFigures::rank_99>},
      {"rank_99_saves_parameters", "rank 99% saves",
       "True if two factors of that rank take fewer parameters than the matrix.", kLeft, data | figure, 0,
       rank_saves<&SpectrumFigures::rank_99>},
      {"effective_rank", "effective rank", "exp of the entropy of sigma_i / sum sigma (Roy and Vetterli 2007).", kRight,
       table | data | figure, 11, of_spectrum<&SpectrumFigures::effective_rank>,
       [](const WeightRow& row, const Glyphs& signs) {
         return row.spectrum() == nullptr ? std::string(signs.none) : significant(row.spectrum()->effective_rank, 4);
       }},
      {"numerical_rank", "numerical rank",
       "The number of singular values above u |W|_F and max(rows, columns) 2^-52 sigma_max: rounding to storage and "
       "computing cannot produce these.",
       kRight, table | data | figure, 18, of_spectrum<&SpectrumFigures::numerical_rank>},
      {"sigma_min", "sigma_min", "The smallest of the min(rows, columns) singular values.", kRight,
       table | data | figure, 5, of_spectrum<&SpectrumFigures::sigma_min>},
      {"frobenius", "Frobenius norm", "sqrt(sum w_ij^2) = sqrt(sum sigma_i^2).", kRight, table | data | figure, 6,
       of_figures<&Figures::frobenius>},
      {"nuclear", "nuclear norm", "sum sigma_i.", kRight, table | data | figure, 10,
       of_spectrum<&SpectrumFigures::nuclear>},
      {"norm_1", "1-norm", "The largest column sum of |w_ij|: the stretch in the 1-norm.", kRight,
       table | data | figure, 12, of_figures<&Figures::norm_1>},
      {"norm_inf", "inf-norm", "The largest row sum of |w_ij|: the stretch in the maximum norm.", kRight,
       table | data | figure, 13, of_figures<&Figures::norm_inf>},
      {"max_abs", "max entry", "The largest |w_ij|.", kRight, table | data | figure, 19, of_figures<&Figures::max_abs>},
      {"non_finite_nan", "NaN", "Entries that are NaN.", kRight, data, 0, non_finite_count<&audit::NonFinite::nan>},
      {"non_finite_inf", "inf", "Entries that are infinite.", kRight, data, 0,
       non_finite_count<&audit::NonFinite::infinite>},
      {"non_finite_first", "first non-finite", "Index of the first non-finite entry in the tensor.", kLeft, data, 0,
       non_finite_first},
      {"role_evidence", "role by", "What decided the role: user, graph, companion, container, name or shape.", kLeft,
       data, 0, [](const WeightRow& row) -> Value { return std::string(audit::name(row.tensor->role_evidence)); }},
      {"layout", "layout", "What the tensor's axes were read as.", kLeft, data, 0,
       [](const WeightRow& row) -> Value { return row.tensor->layout; }},
      {"seconds", "time", "Time spent on the weight.", kRight, table | data, 20, seconds_value, seconds_text},
  };
}

}  // namespace

bool has_operator_norms(const audit::Result& result) noexcept {
  return std::any_of(result.tensors.begin(), result.tensors.end(),
                     [](const audit::TensorResult& tensor) { return tensor.operator_norm.has_value(); });
}

const std::vector<WeightColumn>& columns() {
  static const std::vector<WeightColumn> all = make_columns();
  return all;
}

std::vector<const WeightColumn*> columns_for(Use use) {
  std::vector<const WeightColumn*> chosen;
  for (const WeightColumn& c : columns()) {
    if ((c.uses & use) != 0) chosen.push_back(&c);
  }
  return chosen;
}

const WeightColumn& column(std::string_view key) {
  std::vector<std::string_view> keys;
  for (const WeightColumn& c : columns()) {
    if (c.key == key) return c;
    keys.push_back(c.key);
  }
  throw Error(
      fmt::format("[report] no column is called '{}'; the columns are {}", visible(key), fmt::join(keys, ", ")));
}

std::string cell_text(const WeightColumn& c, const WeightRow& row, const Glyphs& signs) {
  return c.text != nullptr ? c.text(row, signs) : shown_text(c.value(row), signs);
}

}  // namespace sigmax::report
