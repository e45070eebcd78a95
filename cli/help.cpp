#include "cli/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <string_view>
#include <vector>

#include "sigmax/io/checkpoint.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas_description.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kTextColumn = 26;

constexpr std::string_view kExitCodes = R"(
Exit status:
  0  success
  1  a weight met a --fail-if expression
  2  the command line is wrong
  3  a file is unreadable, malformed or changed while it was read, or an output
     cannot be written
  4  what was asked for was not reached: a --fail-if expression could not be
     judged of every weight, or --certify proven found no proof of some upper
     end (--allow says what they may pass over); or svd stopped short of its
     tolerance, or its bounds leave room for a value that it missed
  130  interrupted
)";

// Of every command that has --as.
constexpr std::string_view kRoles = R"(
Roles of --as, with what they take a tensor's axes for; G counts the groups:
  dense                       [out, in]
  dense_in_out                [in, out]
  convolution[:G]             [out, in / G, kernel...]
  transposed_convolution[:G]  [in, out / G, kernel...]
  channels_last[:G]           [kernel..., in / G, out]
  depthwise_channels_last     [kernel..., in, multiplier]
  recurrent                   [gates, in]
  embedding                   [entries, width]
  expert_stack                [experts..., out, in]
  expert_stack_in_out         [experts..., in, out]
  skip                        no weight
)";

std::string item(std::string_view name, std::string_view text) {
  std::string page = fmt::format("  {}", name);
  bool first = name.size() + 4 <= kTextColumn;
  if (!first) page += '\n';
  for (const std::string& line : report::wrap(text, kWidth - kTextColumn)) {
    page += fmt::format("{}{}\n", std::string(kTextColumn - (first ? name.size() + 2 : 0), ' '), line);
    first = false;
  }
  return page;
}

std::string paragraphs(std::string_view text) {
  std::string page;
  while (true) {
    const auto end = text.find('\n');
    for (const std::string& line : report::wrap(text.substr(0, end), kWidth)) page += line + '\n';
    if (end == std::string_view::npos) return page;
    page += '\n';
    text.remove_prefix(end + 1);
  }
}

// The first line is the command's entry in the list of commands; on its own page it is a sentence.
std::string as_sentence(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  const auto end = text.find('\n');
  return end == std::string::npos ? text : text.substr(0, end) + '.' + text.substr(end);
}

}  // namespace

std::string HelpPage::make_option(const CLI::Option* option, bool is_positional) const {
  // CLI11 joins names by a bare comma.
  std::string name = is_positional ? option->get_name(true, false) : option->get_name(false, true);
  if (const auto comma = name.find(','); comma != std::string::npos) name.insert(comma + 1, " ");
  if (!is_positional && !option->get_option_text().empty()) name += ' ' + option->get_option_text();
  return item(name, option->get_description());
}

std::string HelpPage::make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const {
  const bool top = app->get_parent() == nullptr;
  std::string usage = top ? "sigmax COMMAND [OPTION]..." : fmt::format("sigmax {} [OPTION]...", app->get_name());
  const auto positionals = app->get_options([](const CLI::Option* o) { return o->get_positional(); });
  for (const CLI::Option* option : positionals) {
    usage += fmt::format(" {}{}", option->get_name(true, false), option->get_expected_max() > 1 ? "..." : "");
  }
  std::string page = fmt::format("Usage: {}\n\n{}", usage, paragraphs(as_sentence(app->get_description())));

  if (!positionals.empty()) page += '\n';
  for (const CLI::Option* option : positionals) page += make_option(option, true);
  if (top) page += "\nCommands:\n";
  for (const CLI::App* command : app->get_subcommands({})) {
    const std::string text = command->get_description();
    page += item(command->get_name(), text.substr(0, text.find('\n')));
  }
  for (const std::string& group : app->get_groups()) {
    const auto options =
        app->get_options([&](const CLI::Option* o) { return o->get_group() == group && o->nonpositional(); });
    if (group.empty() || options.empty()) continue;
    page += fmt::format("\n{}:\n", group);
    for (const CLI::Option* option : options) page += make_option(option, false);
  }
  return page + app->get_footer();
}

std::string main_footer() {
  return fmt::format(R"(
Examples:
  sigmax audit model.safetensors               every weight, with proof
  sigmax audit model/ --fail-if 'sigma > 99'   a check for automated builds
  sigmax ls model.onnx                         what the file holds
  sigmax norm layer.npy --ord nuc              one norm of one matrix
  sigmax svd model.npz:w -k 20 -o top.npz      singular triplets, to a file

`sigmax COMMAND --help` tells more about a command.
{})",
                     kExitCodes);
}

std::string audit_footer() {
  return fmt::format(R"(
Expressions of --fail-if:
  Comparisons of figures with numbers (> >= < <= == !=), joined by and, or, not
  (&& || !) and parentheses. Figures are the report's columns: sigma_max (also
  sigma), condition, stable_rank, sigma_min, frobenius, rank_95, ..., and
  nonfinite, the number of entries that are NaN or infinite.

  sigma_max is known as an enclosure, and a gate trips unless the enclosure
  rules the expression out: `sigma > 10` looks at the upper end, `sigma < 10` at
  the lower one, so that passing is as certain as the enclosure. An end is named
  by sigma_max.lower and sigma_max.upper. A condition number beyond the stored
  precision may be anything from its bound up: `> 8e6` in the table.

  A gate fails closed: what it cannot judge is named, and the exit status is 4
  unless --allow lists the reason:
    unread      a tensor that may be a weight, or a file that may hold some,
                could not be read
    nan         the weight has NaN or infinite entries, so no such figure
    empty       there is no weight, or a --layers or --as matches none
    missing     the figure does not exist (a condition number under --quick)
    lower-only  no upper end is known (--certify none), and the lower one does
                not decide
{}
Examples:
  sigmax audit model.safetensors --sort sigma_max --top 10
  sigmax audit resnext.pt --as 'layer.*conv2=convolution:32'
  sigmax audit model.onnx --layers 'attn|mlp' --exclude bias --json audit.json
  sigmax audit a.safetensors b.safetensors --quick --html audit.html -q
  sigmax audit model.pt --fail-if 'nonfinite > 0 or sigma > 50' --format csv
  sigmax audit model/ -q --fail-if 'sigma > 50' --allow unread

NO_COLOR turns colors off; COLUMNS sets the width where there is no terminal.
{})",
                     kRoles, kExitCodes);
}

std::string list_footer() {
  return fmt::format(R"(
Examples:
  sigmax ls model.safetensors
  sigmax ls model.onnx -v                       with byte offsets
  sigmax ls checkpoint/ --sort bytes --top 5    the largest tensors
  sigmax ls model.pt --format json
{})",
                     kExitCodes);
}

std::string norm_footer() {
  return fmt::format(R"(
Norms:
  fro           sqrt(sum w_ij^2)
  nuc           nuclear norm, the sum of the singular values
  2, -2         largest singular value (with its enclosure), smallest
  1, -1         largest, smallest column sum of |w_ij|
  inf, -inf     largest, smallest row sum of |w_ij|
  max           largest |w_ij|
  schatten:P    (sum sigma_i^P)^(1/P), P >= 1
  kyfan:K       the sum of the K largest singular values
  entrywise:P   (sum |w_ij|^P)^(1/P), P >= 1

Several tensors of one name, in several files of a folder or in subgraphs, are
told apart by a number: FILE:NAME@2.

The matrix is the one that an audit measures. Of groups of channels and of
stacks of matrices it is their block diagonal; one of them is FILE:NAME[0].
{}
Examples:
  sigmax norm matrix.npy --ord fro
  sigmax norm model.safetensors:fc1.weight
  sigmax norm model.onnx:onnx::MatMul_42 --ord schatten:4 --format value
  sigmax norm resnext.pt:layer1.conv2.weight --as conv2=convolution:32
{})",
                     kRoles, kExitCodes);
}

std::string svd_footer() {
  return fmt::format(R"(
The table:
  energy        share of |A|_F^2 in sigma_1 to sigma_i; of the smallest triplets
                the share left in sigma_i to the last
  residual      |A^T u_i - sigma_i v_i| / sigma_1; A v_i = sigma_i u_i holds
  width         how far apart the ends of what is known of the i-th value are,
                relative to sigma_1: ✓ proven, ~ except with the probability
                below the table; estimate where neither is known

Output files hold doubles, named as numpy.linalg.svd names its results:
  u             rows x k
  s             k singular values, the largest first
  vt            k x columns
Where they are saved, the tolerance speaks of the vectors unless --accuracy says
otherwise; the table and the metadata of a .safetensors file have the residual.

The matrix is the one that an audit measures. Of groups of channels and of
stacks of matrices name one: FILE:NAME[0].
{}
Examples:
  sigmax svd model.safetensors:fc1.weight -k 5
  sigmax svd matrix.npy -k all --format values > sigma.txt
  sigmax svd model.onnx:onnx::MatMul_42 -k 64 --accuracy vectors -o top.npz
  sigmax svd layer.npy --smallest -k 3
{})",
                     kRoles, kExitCodes);
}

std::string version_text() {
  return fmt::format("sigmax {}\nBLAS     {}\nSIMD     {}\nformats  {}\n", SIGMAX_VERSION, blas_description(),
                     kernels::simd_target(), fmt::join(io::known_formats(), ", "));
}

}  // namespace sigmax::cli
