#include "cli/terminal/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

constexpr std::chrono::milliseconds kInterval(100);

std::string time_left(double seconds) {
  const auto whole = static_cast<long long>(std::ceil(std::clamp(seconds, 0.0, 1e9)));
  if (whole < 100) return fmt::format("{} s left", whole);
  if (whole < 6000) return fmt::format("{} min {:02} s left", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min left", whole / 3600, whole / 60 % 60);
}

void write_error_stream(std::string_view text) {
  // A failure to write progress does not matter.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

}  // namespace

std::string progress_text(std::string_view label, const Progress& progress, double elapsed, const Style& style) {
  const double share = progress.total > 0 ? std::clamp(progress.done / progress.total, 0.0, 1.0) : 0.0;
  const std::string head = fmt::format("{}  {:2.0f}%", label, std::floor(100 * share));
  const std::string tail = elapsed >= 1 && share > 0 ? "  " + time_left(elapsed * (1 - share) / share) : std::string();
  const std::size_t room = style.width - std::min(style.width, head.size() + tail.size() + 3);
  std::string name;
  if (room >= 8 && !progress.what.empty()) {
    const report::Glyphs& signs = report::glyphs(style.unicode);
    name = "  " + report::shorten(report::visible(progress.what, style.unicode), room, signs);
  }
  return head + name + tail;
}

ProgressLine::ProgressLine(Context& context, std::string label, const CommonOptions& options)
    : context_(context), label_(std::move(label)), style_(style_of(STDERR_FILENO, options.color)) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  active_ = style_.terminal && !options.quiet && !dumb;
  if (active_) context_.on_progress([this](const Progress& progress) { show(progress); });
}

ProgressLine::~ProgressLine() {
  if (!active_) return;
  context_.on_progress({});
  if (drawn_) write_error_stream("\r\x1b[K");
}

void ProgressLine::piece(std::size_t index, std::size_t count, std::string what) {
  piece_ = index;
  pieces_ = std::max<std::size_t>(1, count);
  what_ = std::move(what);
  if (active_) show({});
}

void ProgressLine::show(const Progress& progress) {
  const auto now = Clock::now();
  if (drawn_ ? now - last_ < kInterval : now - start_ < kInterval) return;
  last_ = now;
  drawn_ = true;
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double share = progress.total > 0 ? std::clamp(progress.done / progress.total, 0.0, 1.0) : 0.0;
  const Progress whole{static_cast<double>(piece_) + share, static_cast<double>(pieces_),
                       what_.empty() ? progress.what : std::string_view(what_)};
  write_error_stream("\r" + progress_text(label_, whole, elapsed, style_) + "\x1b[K");
}

}  // namespace sigmax::cli
