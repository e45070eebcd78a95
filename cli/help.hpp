// The text of --help and --version.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sigmax::cli {

/// Help pages of 80 columns: usage, what the command does, its options by group, and the app's footer.
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
std::string svd_footer();

/// Version, BLAS with its processor kernels, the SIMD target that was chosen on this machine, the formats.
std::string version_text();

}  // namespace sigmax::cli
