#include "sigmax/audit/roles/quantized.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sigmax/audit/roles/tensor_name.hpp"
#include "sigmax/audit/roles/weight_name.hpp"

namespace sigmax::audit {
namespace {

using Names = std::initializer_list<std::string_view>;

bool are_integers(const io::Entry* other, const io::Entry& entry) {
  return other != nullptr && other != &entry && is_integer(other->dtype) && !other->shape.empty();
}

// Scales and zero points.

constexpr std::array<std::string_view, 9> kScaleSuffixes = {
    "_scale_inv", "_scale_2", "_global_scale", "_scale", "_scales", "_zero_points", "_zero_point", "_zeros", "_zp"};

// A tensor subclass that pickles itself by a function of its own has its members listed under its name: `fc.weight.0`
// the codes, `fc.weight.1` the scales. A real tensor below `weight`, next to codes below the same, is not a weight.
bool is_part_of_quantized(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
  constexpr std::array<std::string_view, 16> kCodes = {
      "0",     "1",     "2", "3", "4", "5", "6", "7", "8", "data", "int_data", "qdata", "_data", "quantized_data",
      "codes", "packed"};
  const bool below_weight = name.module.ends_with("weight") || name.module == "kernel";
  if (!below_weight || name.is_weight()) return false;
  return std::any_of(kCodes.begin(), kCodes.end(), [&](std::string_view code) {
    const io::Entry* other = siblings.find(name.parts.sibling(code), entry);
    return other != nullptr && other != &entry && other->shape.size() >= 2 && !is_real(other->dtype) &&
           other->dtype != DType::boolean;
  });
}

// Marlin's codes are `B`, which may be a matrix of any model if it is not of integers.
bool is_beside_integers(const WeightName& name, const io::Entry& entry, const Siblings& siblings, Names codes) {
  return std::any_of(codes.begin(), codes.end(), [&](std::string_view code) {
    return are_integers(siblings.find(name.parts.sibling(code), entry), entry);
  });
}

// `wscales`, `wzeros`, `wtscale`: enough of a name next to codes.
bool is_hint(std::string_view last) {
  return last.ends_with("scale") || last.ends_with("scales") || last.ends_with("zero") || last.ends_with("zeros");
}

std::optional<Evidence> scale_of_a_weight(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
  const std::string_view own = name.parts.component(0);
  for (const std::string_view suffix : kScaleSuffixes) {
    if (!name.last.ends_with(suffix)) continue;
    const std::string stem(own.substr(0, own.size() - suffix.size()));
    for (const char* kind : {"", "_packed", "_blocks", "_quantized", "_qdata"}) {
      if (siblings.find(name.parts.sibling(stem + kind), entry) != nullptr) return Evidence::companion;
    }
  }
  const bool beside_codes = is_beside(name, entry, siblings, {"qweight", "weight_packed", "W_q", "trellis"}) ||
                            is_beside_integers(name, entry, siblings, {"B"});
  const io::Entry* const weight = siblings.find(name.parts.sibling("weight"), entry);
  const bool beside_integers = weight != nullptr && weight != &entry && !is_real(weight->dtype);
  if ((beside_codes || beside_integers) &&
      (is_one_of(name.last, {"scale", "scales", "zero", "zeros", "qzeros", "biases", "s", "z", "zero_point"}) ||
       has_word(name.last, {"scale", "scales", "absmax"}) || is_hint(name.last))) {
    return Evidence::companion;
  }
  if (is_part_of_quantized(entry, name, siblings)) return Evidence::container;
  if (name.is_weight()) return std::nullopt;
  const bool named = ends_as(name.last, {"scale", "scales", "qscale", "absmax", "amax", "qzeros", "scb"}) ||
                     name.last.ends_with("zero_point") || name.last.ends_with("zero_points") ||
                     is_one_of(name.last, {"quant_map", "nested_quant_map", "g_idx"});
  if (quantized_by(entry, siblings).empty()) return named ? std::optional(Evidence::known_name) : std::nullopt;
  // In a model that is known to be quantized less of a name is enough: `qscales`, `wscale1`.
  const bool hinted = name.last.find("scale") != std::string::npos || name.last.find("zero") != std::string::npos;
  return named || (hinted && !is_layer(name.last)) ? std::optional(Evidence::companion) : std::nullopt;
}

// Codebooks.

bool names_a_codebook(std::string_view component) {
  return ends_as(component, {"centroid", "centroids", "codebook", "codebooks", "lut", "luts", "palette", "palettes"}) ||
         is_one_of(component, {"lookup_table", "lookup_tables", "tables", "tables2", "cluster_centers"});
}

// What stands in front of the last word: `weight_` of `weight_lut`.
std::string_view stem_of(std::string_view component) {
  const std::size_t at = component.rfind('_');
  return at == std::string_view::npos ? std::string_view() : component.substr(0, at + 1);
}

std::string joined(std::string_view stem, std::string_view word) { return std::string(stem).append(word); }

// `q.indices` for `q.centroids.weight`, `weight_indices` for `weight_lut`.
bool is_codebook(const io::Entry& entry, const WeightName& name, const Siblings& siblings) {
  constexpr std::array<std::string_view, 16> kCodes = {
      "qweight",     "weight", "indices",       "index", "idx",    "ids",  "codes",  "cluster_ids",
      "assignments", "Qidxs",  "weight_packed", "W_q",   "labels", "inds", "packed", "clusters"};
  const bool by_module = name.last == "weight" && names_a_codebook(name.module);
  if (!by_module && !names_a_codebook(name.last)) return false;
  const std::string_view own = name.parts.component(by_module ? 1 : 0);
  const std::string before = entry.name.substr(0, static_cast<std::size_t>(own.data() - entry.name.data()));
  return std::any_of(kCodes.begin(), kCodes.end(), [&](std::string_view code) {
    return are_integers(siblings.find(joined(before, code), entry), entry) ||
           are_integers(siblings.find(joined(before, joined(stem_of(own), code)), entry), entry);
  });
}

}  // namespace

std::optional<NoMatrix> companion_of_a_quantized_weight(const io::Entry& entry, const Siblings& siblings) {
  const WeightName name(entry);
  if (is_codebook(entry, name, siblings)) {
    return NoMatrix{"codebook of a quantized weight: integers next to it index it" + quantized_by(entry, siblings),
                    Evidence::companion};
  }
  if (const auto evidence = scale_of_a_weight(entry, name, siblings)) {
    return NoMatrix{"scale or zero point: multiplied or added entry by entry" + quantized_by(entry, siblings),
                    evidence};
  }
  return std::nullopt;
}

std::optional<NoMatrix> packed_weight(const io::Entry& entry, const Siblings& siblings) {
  if (!is_real(entry.dtype) || !entry.unreadable.empty() || entry.shape.empty()) return std::nullopt;
  const WeightName name(entry);
  constexpr std::array<std::string_view, 4> kBelow = {".quant_map", ".absmax", ".quant_state.bitsandbytes__nf4",
                                                      ".quant_state.bitsandbytes__fp4"};
  const bool has_state = std::any_of(kBelow.begin(), kBelow.end(), [&](std::string_view below) {
    return siblings.find(joined(entry.name, below), entry) != nullptr;
  });
  const bool is_named = is_one_of(name.parts.component(0), {"W_q", "qweight", "q_weight", "weight_packed"}) &&
                        is_beside(name, entry, siblings,
                                  {"scale", "scales", "zero", "qzeros", "weight_scale", "wscales", "lookup_table"});
  if (!has_state && !is_named) return std::nullopt;
  return NoMatrix{fmt::format("packed codes of a quantized weight, kept under the type {}, are not read{}",
                              sigmax::name(entry.dtype), quantized_by(entry, siblings)),
                  Evidence::companion, true};
}

bool has_codebook(const io::Entry& entry, const Siblings& siblings) {
  constexpr std::array<std::string_view, 12> kBooks = {
      "centroids", "centroids.weight", "codebook", "codebook.weight", "codebooks", "lut",
      "luts",      "lookup_table",     "palette",  "lookup_tables",   "tables",    "cluster_centers"};
  const NameParts parts(entry.name);
  const std::string_view stem = stem_of(parts.component(0));
  const auto is_there = [&](const std::string& name) {
    const io::Entry* book = siblings.find(name, entry);
    return book != nullptr && book != &entry && is_real(book->dtype);
  };
  return std::any_of(kBooks.begin(), kBooks.end(), [&](std::string_view book) {
    return is_there(parts.sibling(book)) || (!stem.empty() && is_there(parts.sibling(joined(stem, book))));
  });
}

bool has_scale_of_a_missing_weight(const io::Entry& entry, const Siblings& siblings) {
  const NameParts parts(entry.name);
  const io::Entry* scale = siblings.find(parts.sibling("weight_scale"), entry);
  return scale != nullptr && scale != &entry && siblings.find(parts.sibling("weight"), entry) == nullptr;
}

}  // namespace sigmax::audit
