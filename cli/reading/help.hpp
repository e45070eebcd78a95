// The text of --help and --version.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sigmax::cli {

/// Help pages of 80 columns: usage, the command's description, its options by group, and the app's footer.
class HelpPage : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
};

/// Footers: examples, the meaning of expressions, exit codes.
std::string main_footer();
std::string audit_footer();
std::string list_footer();
std::string norm_footer();
std::string cond_footer();
std::string svd_footer();
std::string lipschitz_footer();
std::string certify_footer();

/// The spelling of each norm in --ord; one that takes a number ends with a colon.
std::vector<std::string> norm_spellings();

/// For the manual page, in paragraphs: what sigmax is, details of --fail-if that --help omits, and notes on exit codes.
std::string_view description();
std::string_view expressions();
std::string_view exit_notes();

/// For the manual page: blocks like those of the footers.
std::string_view environment();
std::string_view exit_status();

/// The version, BLAS with its processor kernels, the SIMD target chosen on this machine, and the formats.
std::string version_text();

}  // namespace sigmax::cli
