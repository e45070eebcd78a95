// Handmade audit results, with the features that reports must show.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "sigmax/audit/result.hpp"
#include "sigmax/bounds/matrix_proof/proof.hpp"

namespace sigmax::report_test {

/// Plausible figures for a random matrix: sigma_max is given, the rest follows from the shape.
inline audit::Figures figures(double sigma_max, std::int64_t rows, std::int64_t columns,
                              Certainty certainty = Certainty::proven) {
  const auto shorter = static_cast<double>(std::min(rows, columns));
  const double width = sigma_max * 3e-10;
  UpperBound upper = certainty == Certainty::proven ? bounds::Proof::proven(sigma_max + width)
                                                    : bounds::Proof::probabilistic(sigma_max + width, 1e-9);
  audit::Figures f{bounds::Proof::enclosure(bounds::Proof::lower(sigma_max - width), upper)};
  f.sigma_max_estimate = sigma_max;
  f.frobenius = sigma_max * std::sqrt(shorter) / 3.1;
  f.norm_1 = sigma_max * 1.7;
  f.norm_inf = sigma_max * 2.3;
  f.max_abs = sigma_max / 11;
  f.stable_rank = f.frobenius * f.frobenius / sigma_max / sigma_max;
  audit::SpectrumFigures s;
  s.sigma_min = sigma_max / (1 + shorter * shorter / 7);
  s.condition = sigma_max / s.sigma_min;
  s.nuclear = sigma_max * shorter / 2.4;
  s.effective_rank = shorter * 0.83;
  s.numerical_rank = static_cast<std::int64_t>(shorter);
  s.rank_90 = {static_cast<std::int64_t>(shorter * 0.4) + 1, true};
  s.rank_95 = {static_cast<std::int64_t>(shorter * 0.6) + 1, shorter > 100};
  s.rank_99 = {static_cast<std::int64_t>(shorter * 0.8) + 1, false};
  f.spectrum = s;
  return f;
}

inline audit::TensorResult weight(std::string name, Dimensions shape, double sigma_max,
                                  audit::Role role = audit::Role::dense) {
  audit::TensorResult t;
  t.name = std::move(name);
  t.file = "model.safetensors";
  t.shape = std::move(shape);
  t.role = role;
  t.layout = role == audit::Role::embedding ? "[entries, width]" : "[out, in]";
  t.rows = t.shape.at(0);
  t.columns = 1;
  for (std::size_t i = 1; i < t.shape.size(); ++i) t.columns *= t.shape[i];
  t.figures = figures(sigma_max, t.rows, t.columns);
  t.seconds = 0.0125;
  return t;
}

/// Sets the counts as a real audit would.
inline void finish(audit::Result& result) {
  audit::Summary& s = result.summary;
  s = {};
  s.audited = static_cast<std::int64_t>(result.tensors.size());
  s.skipped = static_cast<std::int64_t>(result.skipped.size());
  for (const audit::Skipped& t : result.skipped) s.unread += t.unread_weight ? 1 : 0;
  for (const audit::TensorResult& t : result.tensors) {
    const std::int64_t count = element_count(t.shape).value_or(0);
    s.parameters += count;
    s.bytes += static_cast<std::uint64_t>(count) * size_of(t.dtype);
    if (!t.figures) {
      ++s.non_finite;
    } else if (!t.figures->sigma_max.upper) {
      ++s.lower_only;
    } else {
      ++(t.figures->sigma_max.upper->certainty() == Certainty::proven ? s.proven : s.probabilistic);
    }
  }
  s.seconds = 1.4239;
  s.threads = 2;
}

/// Twenty weights that cover every role and outcome, and skipped biases, scales and integers.
inline audit::Result sample() {
  audit::Result r;
  r.model.path = "models/encoder/model.safetensors";
  r.model.format = "safetensors";
  r.model.files = {{"model.safetensors", "safetensors", 90866412}};
  r.tensors.push_back(weight("embeddings.word_embeddings.weight", {30522, 384}, 153.29481, audit::Role::embedding));
  r.tensors.back().figures = figures(153.2948127, 30522, 384, Certainty::probabilistic);
  r.tensors.push_back(weight("stem.conv1.weight", {64, 3, 7, 7}, 2.7182818, audit::Role::convolution));
  for (int layer = 0; layer < 3; ++layer) {
    const std::string prefix = "encoder.layer." + std::to_string(layer) + ".";
    r.tensors.push_back(weight(prefix + "attention.self.query.weight", {384, 384}, 7.1234567 + layer));
    r.tensors.push_back(weight(prefix + "attention.self.value.weight", {384, 384}, 0.2345678 * (layer + 1)));
    r.tensors.push_back(weight(prefix + "attention.output.dense.weight", {384, 384}, 3.3456789 + layer));
    r.tensors.push_back(weight(prefix + "intermediate.dense.weight", {1536, 384}, 19.4271934 / (layer + 1)));
  }
  // Rounding explains the smallest value of one, and computing it that of another.
  audit::SpectrumFigures& rounded = *r.tensors[2].figures->spectrum;
  rounded.sigma_min = 1.1e-9;
  rounded.condition = r.tensors[2].figures->sigma_max_estimate / rounded.sigma_min;
  rounded.from_rounding = rounded.beyond_precision = true;
  audit::SpectrumFigures& open = *r.tensors[6].figures->spectrum;
  open.sigma_min = 1.1e-16;
  open.condition.reset();
  open.from_rounding = open.beyond_precision = true;
  r.tensors[3].figures->sigma_max =
      bounds::Proof::enclosure(bounds::Proof::lower(0.23456), bounds::Proof::probabilistic(0.29, 1e-9));
  r.tensors[4].figures->sigma_max.upper.reset();
  r.tensors.push_back(weight("decoder.rnn.weight_hh_l0", {512, 128}, 4.1231056, audit::Role::recurrent));
  for (const char* gate : {"input gate", "forget gate", "cell gate", "output gate"}) {
    r.tensors.back().parts.push_back({gate, 128, 128, figures(2.0 + gate[0] / 100.0, 128, 128)});
  }
  audit::TensorResult experts = weight("moe.experts.w1", {64, 256, 128}, 12.5, audit::Role::expert_stack);
  experts.rows = 256;
  experts.columns = 128;
  experts.batch = 64;
  for (int i = 0; i < 64; ++i) {
    experts.parts.push_back({"[" + std::to_string(i) + "]", 256, 128, figures(1.5 + i * 0.17, 256, 128)});
  }
  r.tensors.push_back(std::move(experts));
  r.tensors.push_back(weight("pooler.dense.weight", {384, 384}, 1.0000001));
  r.tensors.back().dtype = DType::bf16;
  r.tensors.push_back(weight("head.broken.weight", {10, 384}, 1));
  r.tensors.back().figures.reset();
  r.tensors.back().non_finite = audit::NonFinite{3, 1, {7, 12}};
  r.tensors.push_back(weight("head.tiny.weight", {10, 384}, 3.25e-11));
  r.tensors.push_back(weight("head.zero.weight", {10, 384}, 1));
  audit::Figures zero{bounds::Proof::enclosure(bounds::Proof::lower(0), bounds::Proof::proven(0))};
  zero.spectrum = audit::SpectrumFigures{};
  r.tensors.back().figures = zero;
  for (int i = 0; i < 74; ++i) {
    r.skipped.push_back({"encoder.layer." + std::to_string(i) + ".attention.self.query.bias",
                         "model.safetensors",
                         "",
                         {384},
                         "f32",
                         "not a matrix: a vector of 384 (bias or scale)"});
  }
  r.skipped.back().role_evidence = audit::Evidence::companion;
  r.skipped.push_back(
      {"embeddings.position_ids", "model.safetensors", "", {1, 512}, "i64", "integers are not weights"});
  r.skipped.push_back(
      {"qkv.packed", "model.safetensors", "shard 2", {384, 96}, "u4", "u4 values are not read", std::nullopt, true});
  using Verdict = audit::GateOutcome::Verdict;
  r.gates.push_back(
      {"sigma > 400", Verdict::passed, 20, {}, {{"qkv.packed", "model.safetensors", "unread", "u4", true}}});
  r.gates.push_back(
      {"sigma > 100",
       Verdict::tripped,
       19,
       {{"embeddings.word_embeddings.weight", "model.safetensors", {{"sigma_max", "in [153.2, 153.3]"}}}},
       {{"head.broken.weight", "model.safetensors", "nan", "3 NaN, 1 infinite, first at [7, 12]", false}}});
  r.gates.push_back(
      {"rank_95 > 1e9", Verdict::not_judged, 20, {}, {{"", "", "empty", "--layers 'x' matches no weight", false}}});
  finish(r);
  return r;
}

}  // namespace sigmax::report_test
