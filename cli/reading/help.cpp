#include "cli/reading/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include "sigmax/io/checkpoint.hpp"
#include "sigmax/kernels/convert.hpp"
#include "sigmax/linalg/blas_description.hpp"
#include "sigmax/norms/table.hpp"
#include "sigmax/report/text.hpp"

namespace sigmax::cli {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kTextColumn = 26;

constexpr std::string_view kExitCodes = R"(
Exit status:
  0  success
  1  a weight, a network or an accuracy met a --fail-if expression
  2  the command line is wrong
  3  a file is unreadable, malformed or changed while it was read, or an output
     cannot be written
  4  there is no full answer: a --fail-if expression could not be judged (of a
     weight, or at all), or --certify proven found no proof of some upper end
     (--allow says what both may ignore); or svd stopped short of its tolerance,
     or its bounds leave room for a value that it missed; or lipschitz found no
     bound, or certify met a node that it does not know
  130  interrupted
)";

// For every command that has --as.
constexpr std::string_view kRoles = R"(
Roles for --as, and how each reads a tensor's axes (G is the number of groups):
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
  skip                        not a weight
)";

// Only for the manual page, which breaks lines itself.
constexpr std::string_view kDescription =
    R"(sigmax reads a checkpoint and reports how strongly each weight can stretch its input: the largest singular
value, as an enclosure that includes every rounding error. By default its upper end is proven up to 4096 on the
shorter side of the weight, and probabilistic beyond.

Checkpoints are safetensors, npy, npz, PyTorch (zip, TorchScript, torch.export, torch.package and the legacy
pickle stream) and ONNX files, and the folders of torch.distributed.checkpoint. The format is recognized
by the content, never by the extension, and nothing in a file is ever executed. A PATH is a file, an index file
of shards (*.index.json) or a folder; several paths are read as one model.

Both the path and the name in FILE:TENSOR may contain colons: the path is the longest beginning that exists. An
index names one matrix of a stack: FILE:experts.w1[3]. A number, in the order of the listing, distinguishes
tensors with the same name: FILE:w@2.

Data goes to standard output, progress and warnings to standard error. Progress is shown only on a terminal.
Report files are written whole or not at all; an existing file is replaced.)";

constexpr std::string_view kExpressions =
    R"(The weight as a whole is judged, not its parts. sigma_max and lambda_max are known as enclosures, and a gate
trips unless the enclosure rules the expression out: sigma > 10 looks at the upper end, sigma < 10 at the
lower end, and after `not` it is the other way round. sigma_max is that of the matrix, for a convolution the
reshaped kernel; operator_norm is the norm of the layer, for a convolution its own and otherwise sigma_max.

A comparison is neither true nor false if its figure does not exist: a figure of the spectrum under --quick, any
figure of a weight with NaN, an upper end that would decide but is not known. If that leaves the whole
expression open, the weight could not be judged. Neither could a tensor that may be a weight and was not read,
nor an audit without weights. Each is named, even with -q.

A gate that passes says in one line how many weights it judged. The outcome of each gate is in the JSON,
Markdown and HTML reports.)";

constexpr std::string_view kExitNotes =
    R"(If a gate tripped and another one could not be judged, the status is 1. An interruption leaves no report
half-written. SIGTERM gives 143.)";

constexpr std::string_view kEnvironment = R"(Environment:
  NO_COLOR                turns colors off if it is set and not empty
  COLUMNS                 the width where there is no terminal; 200 otherwise
  LC_ALL, LC_CTYPE, LANG  characters beyond ASCII are used if the encoding is UTF-8
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
  // CLI11 joins names with a comma alone, without a blank.
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
  sigmax cond model.safetensors:fc1.weight     its condition number
  sigmax svd model.npz:w -k 20 -o top.npz      singular triplets, to a file
  sigmax certify model.onnx --data test.npz --eps 0.1
                                               certified accuracy

`sigmax COMMAND --help` says more about a command.
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
  the lower end. A pass is therefore as certain as the enclosure. The ends are
  called sigma_max.lower and sigma_max.upper. sigma_max is that of the matrix,
  for a convolution the reshaped kernel; operator_norm is the norm of the layer,
  for a convolution its own and otherwise sigma_max. Where rounding to storage
  may explain sigma_min in the worst case (condition_beyond_precision), the
  condition number may be anything from sigma_max / (u |W|_F) up.

  A gate fails closed: it names what it cannot judge, and the exit status is 4
  unless --allow lists the reason:
    unread      a tensor that may be a weight, or a file that may hold weights,
                could not be read
    nan         the weight has NaN or infinite entries, so it has no such figure
    empty       there is no weight, or a --layers or --as matches nothing
    missing     the figure does not exist (a condition number, or the operator
                norm of a convolution, under --quick)
    lower-only  no upper end is known (--certify none), and the lower end does
                not decide

Convolutions:
  Their operator norm depends on stride, padding, dilation and the size of the
  image. ONNX, TorchScript, torch.export and modules pickled whole state them,
  ONNX and torch.export also the size. Without a size the norm is the largest
  over all sizes. Settings that nobody states are taken to be stride 1, dilation
  1 and zero padding, and are marked. --stride, --padding, --padding-mode,
  --dilation and --input-size outrank the file; --geometry comes after them.
  REGEX may match anywhere in a name; each option is repeatable, and the first
  match counts. A 2x1 is an error for a kernel without two spatial axes.
{}
Examples:
  sigmax audit model.safetensors --sort sigma_max --top 10
  sigmax audit resnext.pt --as 'layer.*conv2=convolution:32'
  sigmax audit resnet.safetensors --stride 'downsample=2' --padding 'conv=1'
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
  std::string lines;
  for (const norms::Row& row : norms::rows()) lines += fmt::format("  {:<18}{}\n", row.spelling, row.help);
  return fmt::format(R"(
Norms:
{}
P and Q are numbers of at least 1, or inf. Norms come with their ends and how
these are known. --format value prints only a number, without ends.

Tensors with the same name (in several files of a folder, or in subgraphs) are
distinguished by a number: FILE:NAME@2.

The matrix is the one that an audit measures. Groups of channels and stacks of
matrices form a block diagonal matrix; FILE:NAME[0] is its first block.

Keys of --conv, over what the file says; numbers are for all axes, or 2x1:
  stride, dilation  1 unless the file or a key says otherwise
  padding           0 likewise, or what keeps the size for a mode other than
                    zeros; 1, 1x0, 0:1 (low and high), same, valid
  mode              zeros, circular, reflect, replicate
  groups            1 likewise
  transposed        true or false
  output_padding    of a transposed convolution
  input             the size of the image, 32x32
  question          every_size (the largest norm over all sizes), input_size or
                    circular (with mode=circular); every_size without a size
  width             the relative width of the enclosure; 1e-6, 0.02 at a size
{}
Examples:
  sigmax norm matrix.npy --ord fro
  sigmax norm model.safetensors:fc1.weight
  sigmax norm model.onnx:onnx::MatMul_42 --ord schatten:4 --format value
  sigmax norm model.safetensors:fc1.weight --ord mixed:2,1 --by rows
  sigmax norm model.safetensors:fc1.weight --all
  sigmax norm resnext.pt:layer1.conv2.weight --as conv2=convolution:32
  sigmax norm model.pt:conv1.weight --conv stride=2,padding=3,input=224x224
  sigmax norm model.onnx:conv1.weight --conv file,width=1e-3
{})",
                     lines, kRoles, kExitCodes);
}

std::string cond_footer() {
  return fmt::format(R"(
Norms:
  2             sigma_max / sigma_min
  1             the largest column sum of |a_ij|, times that of the inverse
  inf           the largest row sum, times that of the inverse
  fro           sqrt(sum a_ij^2), times that of the inverse

What is printed:
  condition     |A| |A^+|, A^+ the pseudo-inverse: how much larger the relative
                error of a solution may be than that of the matrix or the data.
                Infinite for a rank below min(rows, columns). Without an upper
                end the matrix may be singular, as far as is known
  sigma_min     the min(rows, columns)-th singular value
  distance      the smallest |E| for which A + E has a lower rank, in the same
                norm; for a rectangular matrix and --ord 1 or inf, a lower bound
  digits lost   log10(condition): decimal digits that a solution may lose
  digits kept   how many of the type's digits that leaves, if entries are known
                to its rounding; and how many of double's, if the stored entries
                are exact and the system is solved in double

For a square matrix of at most 512 rows, which may be applied again and again:
  pseudospectral
                the largest |eigenvalue| that a change of 1 % of |A|_2, real or
                complex, can make; up to 128 rows
  numerical radius
                w, the largest |x* A x| / |x|^2: |A^k| <= 2 w^k; up to 256 rows
  departure     from normality: sqrt(|A|_F^2 - sum |lambda_i|^2)
  eigenvectors  the condition number of their matrix: how much more eigenvalues
                may move than the matrix does
  Kreiss        some power of A stretches a vector at least this much, if
                every eigenvalue lies inside the unit circle; up to 128 rows
  powers        bounds of |A^k|, proven by a Lyapunov matrix

The matrix is the one that an audit measures. If it has groups of channels or is
a stack of matrices, name one of them: FILE:NAME[0].
{}
Examples:
  sigmax cond model.safetensors:fc1.weight
  sigmax cond matrix.npy --ord 1 --format value
  sigmax cond model.onnx:onnx::MatMul_42 --ord fro --format json
{})",
                     kRoles, kExitCodes);
}

std::string svd_footer() {
  return fmt::format(R"(
The table:
  energy        share of |A|_F^2 in sigma_1 to sigma_i; with --smallest, the
                share left in sigma_i to the last
  residual      |A^T u_i - sigma_i v_i| / sigma_1; A v_i = sigma_i u_i holds
  width         width of the interval that holds the i-th value, relative to
                sigma_1: ✓ proven; ~ true except with the probability given
                below the table; estimate: no such interval is known

Output files hold doubles, named as numpy.linalg.svd names its results:
  u             rows x k
  s             k singular values, the largest first
  vt            k x columns
If vectors are saved, the tolerance applies to them unless --accuracy says
otherwise; the table and the metadata of a .safetensors file have the residual.

The matrix is the one that an audit measures. If it has groups of channels or is
a stack of matrices, name one of them: FILE:NAME[0].
{}
Examples:
  sigmax svd model.safetensors:fc1.weight -k 5
  sigmax svd matrix.npy -k all --format values > sigma.txt
  sigmax svd model.onnx:onnx::MatMul_42 -k 64 --accuracy vectors -o top.npz
  sigmax svd layer.npy --smallest -k 3
{})",
                     kRoles, kExitCodes);
}

std::string certify_footer() {
  return fmt::format(R"(
What is printed, as shares of the samples:
  certified     at least as many keep their class for every change of a norm up
                to eps: proven
  attacked      at most as many do: the others have another class, or a change
                was found that turns it
  network       certified by the Lipschitz bounds of the whole network
  ball          certified by bounds on the sample's ball alone
  broken        wrong already, or turned by a change that was found
  open          neither; untried: nor bounded on the ball, see --local-limit
  clean         the class is the label, proven

A sample is certified at eps if the logit of its label leads each other one by
more than eps times the bound of their difference. What is certified is the
exact real function of the stored weights. A run in float32 rounds, and a sample
that leads by less than that may come out otherwise there.

Examples:
  sigmax certify model.onnx --data x.npy --labels y.npy --eps 0.1,0.3
  sigmax certify model.onnx --data test.npz --scale 1/255 --eps 0.25 \
      --mean 0.4914,0.4822,0.4465 --std 0.247,0.2435,0.2616
  sigmax certify model.onnx --data test.npz --eps 0.1 \
      --fail-if 'certified(0.1) < 0.5'
{})",
                     kExitCodes);
}

std::vector<std::string> norm_spellings() {
  std::vector<std::string> spellings;
  for (const norms::Row& row : norms::rows()) {
    // Two rows may differ in their numbers alone.
    if (spellings.empty() || spellings.back() != row.stem) spellings.emplace_back(row.stem);
  }
  return spellings;
}

std::string_view description() { return kDescription; }
std::string_view expressions() { return kExpressions; }
std::string_view exit_notes() { return kExitNotes; }
std::string_view environment() { return kEnvironment; }
std::string_view exit_status() { return kExitCodes; }

std::string version_text() {
  return fmt::format("sigmax {}\nBLAS     {}\nSIMD     {}\nformats  {}\n", SIGMAX_VERSION, blas_description(),
                     kernels::simd_target(), fmt::join(io::known_formats(), ", "));
}

}  // namespace sigmax::cli
