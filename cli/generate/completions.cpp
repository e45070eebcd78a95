#include "cli/generate/completions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

namespace sigmax::cli {
namespace {

constexpr std::string_view kNotice = "# Made by the build from the options as they are declared in cli/.\n";

// An option's purpose in one line: the text up to the first semicolon or colon outside parentheses, without a
// parenthesis at the end.
std::string brief(std::string_view text) {
  int depth = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '(') ++depth;
    if (text[end] == ')') --depth;
    const bool stops = text[end] == ';' || text[end] == ':' || text[end] == '.';
    if (depth == 0 && stops && (end + 1 == text.size() || text[end + 1] == ' ')) break;
  }
  text = text.substr(0, end);
  const std::size_t open = text.rfind(" (");
  if (text.ends_with(')') && open != std::string_view::npos) text = text.substr(0, open);
  return std::string(text);
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// In single quotes, for bash and zsh.
std::string shell_quoted(std::string_view text) { return "'" + replaced(std::string(text), "'", "'\\''") + "'"; }

// In single quotes, for fish: a backslash escapes there.
std::string fish_quoted(std::string_view text) {
  return "'" + replaced(replaced(std::string(text), "\\", "\\\\"), "'", "\\'") + "'";
}

std::vector<std::string> names_of(const std::vector<DeclaredCommand>& commands) {
  std::vector<std::string> names;
  for (const DeclaredCommand& command : commands) {
    if (!command.name.empty()) names.push_back(command.name);
  }
  return names;
}

std::vector<std::string> option_names(const DeclaredCommand& command) {
  std::vector<std::string> names;
  for (const DeclaredOption& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::string bash_options(const std::vector<DeclaredCommand>& commands) {
  std::string cases;
  for (const DeclaredCommand& command : commands) {
    std::vector<std::string> words = option_names(command);
    if (command.name.empty()) {
      const std::vector<std::string> names = names_of(commands);
      words.insert(words.begin(), names.begin(), names.end());
    }
    cases += fmt::format("    {}) options={} ;;\n", shell_quoted(command.name),
                         shell_quoted(fmt::format("{}", fmt::join(words, " "))));
  }
  return cases;
}

std::string bash_values(const std::vector<DeclaredCommand>& commands) {
  std::string cases;
  for (const DeclaredCommand& command : commands) {
    for (const DeclaredOption& option : command.options) {
      if (option.argument.empty()) continue;
      std::string patterns;
      for (const std::string& name : option.names) {
        patterns += fmt::format("{}'{} {}'", patterns.empty() ? "" : " | ", command.name, name);
      }
      const std::string action = option.takes_file() ? "files=1"
                                 : option.values.empty()
                                     ? "return"
                                     : "values=" + shell_quoted(fmt::format("{}", fmt::join(option.values, " ")));
      cases += fmt::format("    {}) {} ;;\n", patterns, action);
    }
  }
  return cases;
}

std::string zsh_text(std::string_view text) {
  return replaced(replaced(replaced(std::string(text), "[", "("), "]", ")"), ":", "\\:");
}

// `'(-k --count)'{-k+,--count=}'[how many]:N:(all)'`
std::string zsh_option(const DeclaredOption& option) {
  std::string action;
  if (!option.argument.empty()) {
    std::vector<std::string> values;
    for (const std::string& value : option.values) values.push_back(replaced(value, ":", "\\:"));
    action = fmt::format(":{}:", zsh_text(option.argument));
    action += option.takes_file() ? "_files" : values.empty() ? " " : fmt::format("({})", fmt::join(values, " "));
  }
  std::vector<std::string> spellings;
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    spellings.push_back(name + (option.argument.empty() ? "" : is_long ? "=" : "+"));
  }
  std::string exclusion = option.repeatable ? "*" : fmt::format("({})", fmt::join(option.names, " "));
  if (option.names.back() == "--help" || option.names.back() == "--version") exclusion = "(- *)";
  const std::string written =
      spellings.size() == 1 ? spellings.front() : fmt::format("{{{}}}", fmt::join(spellings, ","));
  return fmt::format("{}{}{}", shell_quoted(exclusion), written,
                     shell_quoted(fmt::format("[{}]{}", zsh_text(brief(option.text)), action)));
}

std::string fish_option(std::string_view condition, const DeclaredOption& option) {
  std::string line = fmt::format("complete -c sigmax -n {}", fish_quoted(condition));
  line += option.argument.empty() ? " -f" : option.takes_file() ? " -r" : " -x";
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.values.empty()) line += " -a " + fish_quoted(fmt::format("{}", fmt::join(option.values, " ")));
  return line + " -d " + fish_quoted(brief(option.text)) + "\n";
}

}  // namespace

std::string bash_completion(const std::vector<DeclaredCommand>& commands) {
  const std::string names = fmt::format("{}", fmt::join(names_of(commands), " | "));
  return fmt::format(R"(# bash completion for sigmax
{}
_sigmax() {{
  local current previous command word options values= files=
  COMPREPLY=()
  current=${{COMP_WORDS[COMP_CWORD]}}
  previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  # In `--color=auto` the shell makes a word of `=` as well.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]] && ((COMP_CWORD >= 2)); then
    previous=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi

  command=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in {}) command=$word && break ;; esac
  done

  case $command in
{}  esac

  case "$command $previous" in
{}  esac

  if [[ -n $values ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
  elif [[ -z $files && ($current == -* || -z $command) ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  else
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}}

complete -F _sigmax sigmax
)",
                     kNotice, names, bash_options(commands), bash_values(commands));
}

std::string fish_completion(const std::vector<DeclaredCommand>& commands) {
  const std::string none = fmt::format("not __fish_seen_subcommand_from {}", fmt::join(names_of(commands), " "));
  std::string script = fmt::format("# fish completion for sigmax\n{}\n", kNotice);
  for (const DeclaredCommand& command : commands) {
    if (command.name.empty()) continue;
    script += fmt::format("complete -c sigmax -n {} -f -a {} -d {}\n", fish_quoted(none), command.name,
                          fish_quoted(brief(command.summary)));
  }
  for (const DeclaredCommand& command : commands) {
    const std::string condition = command.name.empty() ? none : "__fish_seen_subcommand_from " + command.name;
    for (const DeclaredOption& option : command.options) script += fish_option(condition, option);
  }
  return script;
}

std::string zsh_completion(const std::vector<DeclaredCommand>& commands) {
  std::string described, cases;
  std::string own;
  for (const DeclaredCommand& command : commands) {
    std::string options;
    for (const DeclaredOption& option : command.options) options += "        " + zsh_option(option) + " \\\n";
    if (command.name.empty()) {
      own = std::move(options);
      continue;
    }
    described += fmt::format("    {}\n", shell_quoted(command.name + ":" + brief(command.summary)));
    cases += fmt::format("    {})\n      _arguments -s \\\n{}        '{}:checkpoint:_files'\n      ;;\n", command.name,
                         options, command.argument.ends_with("...") ? "*" : "1");
  }
  return fmt::format(R"(#compdef sigmax
# zsh completion for sigmax
{}
_sigmax() {{
  local context state state_descr line
  local -a commands
  typeset -A opt_args
  commands=(
{}  )
  _arguments -C \
{}        '1:command:->command' \
        '*::argument:->argument'

  case $state in
    command) _describe command commands && return ;;
    argument) ;;
    *) return ;;
  esac

  case $words[1] in
{}  esac
}}

_sigmax "$@"
)",
                     kNotice, described, own, cases);
}

}  // namespace sigmax::cli
