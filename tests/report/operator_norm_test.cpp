// Operator norms of convolutions in tables, records and legends.
#include "sigmax/report/operator_norm.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/sample_result.hpp"
#include "sigmax/bounds/algebra.hpp"
#include "sigmax/report/columns.hpp"
#include "sigmax/report/order.hpp"
#include "sigmax/report/summary.hpp"

namespace sigmax::report {
namespace {

audit::OperatorNorm norm_of(double value) {
  audit::OperatorNorm norm{.norm = bounds::exactly(value)};
  norm.estimate = value;
  norm.question = "every_size";
  norm.stride = norm.dilation = {1, 1};
  norm.padding_mode = "zeros";
  return norm;
}

// The second weight of the sample is a convolution.
audit::Result with_norm(const audit::OperatorNorm& norm) {
  audit::Result result = report_test::sample();
  EXPECT_EQ(result.tensors.at(1).role, audit::Role::convolution);
  result.tensors.at(1).operator_norm = norm;
  return result;
}

TEST(OperatorNorm, TheTextHasTheImageAndWhatIsUnusual) {
  audit::OperatorNorm norm = norm_of(2);
  EXPECT_EQ(convolution_text(norm), "any size");
  norm.input_size = {28, 30};
  norm.stride = {2, 2};
  EXPECT_EQ(convolution_text(norm), "28x30, stride 2");
  norm.stride = {2, 1};
  norm.dilation = {3, 3};
  norm.transposed = true;
  norm.groups = 4;
  norm.padding_mode = "circular";
  EXPECT_EQ(convolution_text(norm), "28x30, stride 2x1, dilation 3, transposed, 4 groups, circular");
}

TEST(OperatorNorm, ARecordHasWhatIsKnown) {
  audit::OperatorNorm norm = norm_of(2);
  const auto member = [](const Record& record, std::string_view key) {
    return std::find_if(record.begin(), record.end(), [&](const Member& each) { return each.key == key; })->value;
  };
  Record record = record_of(norm);
  EXPECT_FALSE(member(record, "padding").exists());
  EXPECT_FALSE(member(record, "input_size").exists());
  EXPECT_FALSE(member(record, "output_padding").exists());
  norm.pad_low = {0, 1};
  norm.pad_high = {2, 3};
  norm.assumed = {"stride"};
  record = record_of(norm);
  EXPECT_EQ(plain_text(member(record, "padding")), "[[0, 2], [1, 3]]");
  EXPECT_EQ(plain_text(member(record, "assumed")), "[stride]");
  EXPECT_EQ(plain_text(member(record, "upper")), "2");
}

TEST(OperatorNorm, OfAConvolutionItIsItsOwnAndOtherwiseSigmaMax) {
  const audit::Result result = with_norm(norm_of(7777));
  const WeightRow dense{&result.tensors[0]}, convolution{&result.tensors[1]};
  EXPECT_EQ(dense.operator_norm(), &result.tensors[0].figures->sigma_max);
  EXPECT_EQ(dense.convolution(), nullptr);
  EXPECT_EQ(convolution.operator_norm()->lower.value(), 7777);
  EXPECT_EQ(sort_value(column("operator_norm"), convolution), 7777);
  EXPECT_EQ(cell_text(column("matrix"), convolution, glyphs(true)), "64x147") << "without †";
  const auto order = select(result, "operator_norm", {});
  const auto first = std::find_if(order.begin(), order.end(), [](const auto* tensor) { return !tensor->non_finite; });
  EXPECT_EQ(*first, &result.tensors[1]);
  const audit::Result without = report_test::sample();
  EXPECT_EQ(WeightRow{&without.tensors[1]}.operator_norm(), nullptr) << "not that of the reshaped kernel";
}

TEST(OperatorNorm, WhatIsAssumedIsMarkedAndExplained) {
  audit::OperatorNorm norm = norm_of(77);
  const auto explained = [](const audit::Result& result, std::string_view sign) {
    const std::vector<const audit::TensorResult*> shown = {&result.tensors[1]};
    const std::vector<std::string> lines = legend(result, shown, glyphs(true));
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.starts_with(sign); });
  };
  const audit::Result known = with_norm(norm);
  EXPECT_EQ(cell_text(column("operator_norm"), {&known.tensors[1]}, glyphs(true)).find("°"), std::string::npos);
  EXPECT_FALSE(explained(known, "°"));
  EXPECT_FALSE(explained(known, "†"));
  norm.assumed = {"stride", "padding"};
  const audit::Result assumed = with_norm(norm);
  EXPECT_TRUE(cell_text(column("operator_norm"), {&assumed.tensors[1]}, glyphs(true)).ends_with("✓°"));
  EXPECT_TRUE(cell_text(column("operator_norm"), {&assumed.tensors[1]}, glyphs(false)).ends_with("*?"));
  EXPECT_TRUE(explained(assumed, "°"));
  EXPECT_TRUE(explained(report_test::sample(), "†"));
}

std::string legend_of(const audit::Result& result, const std::function<bool(std::string_view)>& has_column = nullptr) {
  const std::vector<const audit::TensorResult*> shown = {&result.tensors[1]};
  return fmt::format("{}", fmt::join(legend(result, shown, glyphs(true), has_column), "\n"));
}

TEST(OperatorNorm, TheLegendListsTheAssumptionsThatOccur) {
  audit::OperatorNorm norm = norm_of(77);
  const auto line = [&](std::vector<std::string> assumed) {
    norm.assumed = std::move(assumed);
    const std::string text = legend_of(with_norm(norm));
    const std::size_t begin = text.find("°");
    return begin == std::string::npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
  };
  const std::string head = "° assumed, because nothing states it: ";
  EXPECT_EQ(line({}), "");
  EXPECT_EQ(line({"padding"}), head + "zero padding (--padding)");
  EXPECT_EQ(line({"stride", "dilation", "padding"}),
            head + "stride 1, dilation 1, zero padding (--stride, --dilation, --padding)");
  norm.transposed = true;
  EXPECT_EQ(line({"output_padding"}), head + "output padding 0 (--geometry)");
  norm.padding_mode = "reflect";
  EXPECT_EQ(line({"padding"}), head + "padding that keeps the size (--padding)");
}

TEST(OperatorNorm, TheLegendSaysWhichSizesOccur) {
  audit::OperatorNorm norm = norm_of(77);
  const auto has = [](const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(legend_of(with_norm(norm)), "its own, the largest over all image sizes;"));
  norm.input_size = {28, 28};
  EXPECT_TRUE(has(legend_of(with_norm(norm)), "its own, at the image size that the file or an option gives;"));
  EXPECT_FALSE(has(legend_of(report_test::sample()), "its own"));
}

TEST(OperatorNorm, TheSummaryNamesTheWeightThatMayHaveTheLargest) {
  const auto sentence = [](const audit::OperatorNorm& norm) {
    audit::Result result = with_norm(norm);
    for (audit::TensorResult& tensor : result.tensors) {
      if (tensor.figures && !tensor.figures->sigma_max.upper) tensor.figures->sigma_max = bounds::exactly(1);
    }
    for (const std::string& each : summary_sentences(result, glyphs(true))) {
      if (each.starts_with("Largest")) return each.substr(0, each.find(';'));
    }
    return std::string();
  };
  const std::string head = "Largest operator norm 153.29481 ~ in embeddings.word_embeddings.weight";
  audit::OperatorNorm norm = norm_of(7777);
  EXPECT_EQ(sentence(norm), "Largest operator norm 7777.0000 ✓ in stem.conv1.weight");
  norm.estimate = 7;
  norm.norm = bounds::between(bounds::exactly(7), bounds::exactly(9));
  EXPECT_EQ(sentence(norm), head);
  norm.norm = bounds::between(bounds::exactly(7), bounds::exactly(200.125));
  EXPECT_EQ(sentence(norm), head + ", or up to 201 in stem.conv1.weight");
  norm.norm.upper.reset();
  EXPECT_EQ(sentence(norm), head + ", or more in stem.conv1.weight");
}

TEST(OperatorNorm, TheLegendExplainsHowAnEndIsKnownOnlyWhereItIsShown) {
  audit::OperatorNorm norm = norm_of(77);
  norm.norm.upper.reset();
  const audit::Result result = with_norm(norm);
  const auto has_sign = [&](std::string_view sign, std::string_view without) {
    return legend_of(result, [&](std::string_view key) { return key != without; }).find(sign) != std::string::npos;
  };
  EXPECT_TRUE(has_sign("✓", "")) << "of sigma_max";
  EXPECT_TRUE(has_sign("≥", ""));
  EXPECT_FALSE(has_sign("✓", "sigma_max"));
  EXPECT_FALSE(has_sign("≥", "operator_norm"));
}

}  // namespace
}  // namespace sigmax::report
