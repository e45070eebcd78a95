#include "cli/reading/convolution_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cli/reading/option_parts.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/io/convolution_sidecar.hpp"

namespace sigmax::cli {
namespace {

using Padding = io::StatedPadding::Kind;

constexpr const char* kGeometry = "--geometry";
constexpr std::int64_t kMost = std::int64_t{1} << 30;

std::optional<std::int64_t> whole_number(std::string_view text, std::int64_t least) {
  const auto value = number_in<std::int64_t>(text);
  return value && *value >= least && *value <= kMost ? value : std::nullopt;
}

// The parts between the signs; one for a text without any.
std::vector<std::string_view> parts_of(std::string_view text, char sign) {
  std::vector<std::string_view> parts;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = text.find(sign);
    parts.push_back(text.substr(0, end));
    if (end != std::string_view::npos) text.remove_prefix(end + 1);
  }
  return parts;
}

// `2`, `2x1`.
Dimensions numbers(std::string_view what, std::string_view text, std::int64_t least) {
  Dimensions list;
  for (const std::string_view part : parts_of(text, 'x')) {
    const auto number = whole_number(part, least);
    if (!number || list.size() == 3) {
      throw Error(
          fmt::format("{} takes a number from {} up, or up to three joined by x, one for each axis, as in 2x1; "
                      "got '{}'",
                      what, least, text));
    }
    list.push_back(*number);
  }
  return list;
}

// `1`, `1x0`, `0:1x0:1` with a low and a high amount, `same`, `valid`.
void read_padding(std::string_view what, std::string_view text, io::StatedConvolution& stated) {
  if (text == "same" || text == "valid") {
    stated.padding = text == "same" ? Padding::same_upper : Padding::valid;
    return;
  }
  for (const std::string_view part : parts_of(text, 'x')) {
    const auto ends = parts_of(part, ':');
    const auto low = whole_number(ends.front(), 0), high = whole_number(ends.back(), 0);
    if (!low || !high || ends.size() > 2 || stated.settings.pad_low.size() == 3) {
      throw Error(fmt::format(
          "{} takes amounts such as 1, 1x0 (one for each axis) or 0:1 (low and high), or same or valid; got '{}'", what,
          text));
    }
    stated.settings.pad_low.push_back(*low);
    stated.settings.pad_high.push_back(*high);
  }
}

void read_mode(std::string_view what, std::string_view text, io::StatedConvolution& stated) {
  const auto mode = io::padding_mode(text);
  if (!mode) throw Error(fmt::format("{} takes zeros, circular, reflect or replicate; got '{}'", what, text));
  stated.settings.padding = *mode;
  stated.has_mode = true;
}

using Read = void (*)(std::string_view what, std::string_view text, io::StatedConvolution& stated);

void read_stride(std::string_view what, std::string_view text, io::StatedConvolution& stated) {
  stated.settings.stride = numbers(what, text, 1);
}
void read_dilation(std::string_view what, std::string_view text, io::StatedConvolution& stated) {
  stated.settings.dilation = numbers(what, text, 1);
}
void read_input_size(std::string_view what, std::string_view text, io::StatedConvolution& stated) {
  stated.settings.input_size = numbers(what, text, 1);
}

void add_overrides(ConvolutionOverrides& overrides, std::string_view option, const std::vector<std::string>& sources,
                   std::string_view example, Read read) {
  for (const std::string& source : sources) {
    const auto end = source.rfind('=');
    if (end == std::string::npos || end == 0) {
      throw Error(fmt::format("{} takes REGEX=VALUE, as in '{}', got '{}'", option, example, source));
    }
    io::StatedConvolution stated;
    read(option, std::string_view(source).substr(end + 1), stated);
    overrides.push_back({std::string(option), NamePattern(option, source.substr(0, end)), std::move(stated)});
  }
}

void read_key(std::string_view key, std::string_view value, ConvolutionRequest& request) {
  const std::string what = fmt::format("--conv {}", key);
  io::StatedConvolution& stated = request.stated;
  if (key == "stride") {
    read_stride(what, value, stated);
  } else if (key == "dilation") {
    read_dilation(what, value, stated);
  } else if (key == "padding") {
    read_padding(what, value, stated);
  } else if (key == "mode") {
    read_mode(what, value, stated);
  } else if (key == "input") {
    read_input_size(what, value, stated);
  } else if (key == "output_padding") {
    stated.settings.output_padding = numbers(what, value, 0);
  } else if (key == "groups") {
    stated.groups = numbers(what, value, 1).front();
    if (value.find('x') != std::string_view::npos) throw Error("--conv groups takes one number");
  } else if (key == "transposed") {
    if (value != "true" && value != "false")
      throw Error(fmt::format("--conv transposed takes true or false, got '{}'", value));
    stated.transposed = value == "true";
  } else if (key == "question") {
    for (const auto question :
         {ConvolutionQuestion::every_size, ConvolutionQuestion::input_size, ConvolutionQuestion::circular}) {
      if (name(question) == value) request.question = question;
    }
    if (!request.question) {
      throw Error(fmt::format("--conv question takes every_size, input_size or circular, got '{}'", value));
    }
  } else if (key == "width") {
    request.relative_width = relative_width(what, value);
  } else {
    throw Error(
        fmt::format("--conv has no key '{}'; the keys are stride, padding, mode, dilation, groups, transposed, "
                    "output_padding, input, question and width, as in stride=2,padding=1,input=32x32",
                    key));
  }
}

std::string misfit(const Dimensions& list, const std::string& name, std::size_t axes) {
  if (list.size() <= 1 || list.size() == axes) return {};
  return fmt::format("{} values for '{}', which has {}", list.size(), name,
                     axes == 1 ? "1 spatial axis" : fmt::format("{} spatial axes", axes));
}

// A setting that has a value for each axis. Its member of a sidecar, and the list; null for one that is not stated. A
// padding in words fits every kernel.
struct Setting {
  const char* member;
  const Dimensions* (*stated)(const io::StatedConvolution&);
};

template <Dimensions io::ConvolutionSettings::*list>
const Dimensions* if_stated(const io::StatedConvolution& stated) {
  const Dimensions& values = stated.settings.*list;
  return values.empty() ? nullptr : &values;
}

const Dimensions* padding_if_stated(const io::StatedConvolution& stated) {
  return stated.says_padding() ? &stated.settings.pad_low : nullptr;
}

constexpr std::array<Setting, 5> kSettings = {{{"stride", if_stated<&io::ConvolutionSettings::stride>},
                                               {"dilation", if_stated<&io::ConvolutionSettings::dilation>},
                                               {"padding", padding_if_stated},
                                               {"output_padding", if_stated<&io::ConvolutionSettings::output_padding>},
                                               {"input_size", if_stated<&io::ConvolutionSettings::input_size>}}};

}  // namespace

double relative_width(std::string_view what, std::string_view text) {
  const double width = number_in<double>(text).value_or(0);
  if (!(width > 0 && width < 1)) {
    throw Error(fmt::format("{} takes a relative width above 0 and below 1, as in 1e-4; got '{}'", what, text));
  }
  return width;
}

void add_convolutions(CLI::App* app, TypedConvolutions& typed) {
  const auto add = [&](const char* name, std::vector<std::string>& values, const char* argument, const char* text) {
    add_list(app, name, values, text)->option_text(argument)->group(kConvolutions);
  };
  add("--stride", typed.stride, "REGEX=S", "the stride of convolutions with a match of REGEX in their name: 2, or 2x1");
  add("--padding", typed.padding, "REGEX=P",
      "their padding: 1, 1x0, 0:1 (low and high), same or valid; for a transposed convolution, what is cut off");
  add("--padding-mode", typed.padding_mode, "REGEX=MODE", "what they pad with: zeros, circular, reflect or replicate");
  add("--dilation", typed.dilation, "REGEX=D", "the distance between neighboring taps");
  add("--input-size", typed.input_size, "REGEX=N",
      "the size of the input image, 32x32; it counts only where all else is known");
  add(kGeometry, typed.geometry, "FILE",
      "a JSON file that says the same: {\"REGEX\": {\"stride\": 2, \"padding\": 1, \"input_size\": [32, 32]}, ...}");
}

ConvolutionOverrides convolution_overrides(const TypedConvolutions& typed) {
  ConvolutionOverrides overrides;
  add_overrides(overrides, "--stride", typed.stride, "downsample=2", read_stride);
  add_overrides(overrides, "--padding", typed.padding, "conv=1", read_padding);
  add_overrides(overrides, "--padding-mode", typed.padding_mode, "conv=circular", read_mode);
  add_overrides(overrides, "--dilation", typed.dilation, "aspp=6", read_dilation);
  add_overrides(overrides, "--input-size", typed.input_size, "stem=224x224", read_input_size);
  for (const std::string& path : typed.geometry) {
    const std::string option = fmt::format("{} {}", kGeometry, path);
    for (io::SidecarEntry& entry : io::read_convolution_sidecar(path)) {
      overrides.push_back({option, NamePattern(option, std::move(entry.pattern)), std::move(entry.stated)});
    }
  }
  return overrides;
}

io::StatedConvolution stated_convolution(const ConvolutionOverrides& overrides, const std::string& name) {
  io::StatedConvolution stated;
  for (auto each = overrides.rbegin(); each != overrides.rend(); ++each) {
    if (each->names.matches(name)) stated = io::overlaid(std::move(stated), each->stated);
  }
  return stated;
}

void require_fitting(std::string_view what, const Dimensions& list, const std::string& name, std::size_t axes) {
  const std::string wrong = misfit(list, name, axes);
  if (!wrong.empty()) throw Error(fmt::format("{}: {}; give one, or one for each", what, wrong));
}

void require_fitting(const ConvolutionOverrides& overrides, const std::string& name, std::size_t axes) {
  for (const Setting& setting : kSettings) {
    const auto first = std::find_if(overrides.begin(), overrides.end(), [&](const ConvolutionOverride& each) {
      return setting.stated(each.stated) != nullptr && each.names.matches(name);
    });
    if (first == overrides.end()) continue;
    const std::string wrong = misfit(*setting.stated(first->stated), name, axes);
    if (wrong.empty()) continue;
    const bool is_file = first->option.starts_with(kGeometry);
    throw Error(
        fmt::format("{}{}: {} and matches '{}'; give one, or one for each, or a pattern that matches only kernels "
                    "with {} spatial axes",
                    first->option, is_file ? fmt::format(", {}", setting.member) : "", wrong, first->names.source(),
                    setting.stated(first->stated)->size()));
  }
}

void tell_unmatched(const ConvolutionOverrides& overrides, const io::Checkpoint& checkpoint, const Messages& messages) {
  for (const ConvolutionOverride& each : overrides) {
    const bool matches = std::any_of(checkpoint.entries.begin(), checkpoint.entries.end(),
                                     [&](const io::Entry& entry) { return each.names.matches(entry.name); });
    if (!matches) messages.warning(fmt::format("{}: no tensor's name matches '{}'", each.option, each.names.source()));
  }
}

ConvolutionRequest convolution_request(std::string_view text) {
  ConvolutionRequest request;
  std::vector<std::string_view> parts = parts_of(text, ',');
  // What the file says always counts where no key does: the word only stands for no keys.
  if (parts.front() == "file") parts.erase(parts.begin());
  std::vector<std::string_view> seen;
  for (const std::string_view part : parts) {
    const auto equals = part.find('=');
    const std::string_view key = part.substr(0, equals);
    if (equals == std::string_view::npos) {
      throw Error(
          fmt::format("--conv takes KEY=VALUE, as in stride=2,padding=1,input=32x32, or file,width=1e-4 for what the "
                      "file says; got '{}'",
                      part));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) throw Error(fmt::format("--conv says {} twice", key));
    seen.push_back(key);
    read_key(key, part.substr(equals + 1), request);
  }
  return request;
}

}  // namespace sigmax::cli
