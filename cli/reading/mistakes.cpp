#include "cli/reading/mistakes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sigmax/core/closest_names.hpp"

namespace sigmax::cli {
namespace {

std::string list_of_commands(const CLI::App& app) {
  std::string text;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (std::size_t i = 0; i < commands.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == commands.size() ? " and " : ", ") + commands[i]->get_name();
  }
  return text;
}

// The command that was chosen, or the app itself.
const CLI::App& chosen_command(const CLI::App& app) {
  const auto commands = app.get_subcommands([](const CLI::App* command) { return command->parsed(); });
  return commands.empty() ? app : *commands.front();
}

std::string unknown_option(const CLI::App& command, std::string_view typed) {
  const std::string_view word = typed.substr(0, typed.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  std::vector<std::string> close;
  if (word.starts_with("--")) close = closest_names(word, names, 1);
  return fmt::format("there is no option '{}'{}", word,
                     close.empty() ? std::string() : fmt::format("; did you mean {}?", close.front()));
}

}  // namespace

std::optional<std::string> unknown_command(const CLI::App& app, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word.starts_with('-')) continue;  // options before a command have no values
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_name() == word) return std::nullopt;
      names.push_back(command->get_name());
    }
    const std::vector<std::string> close = closest_names(word, names, 1);
    return fmt::format(
        "there is no command '{}'; {}\nSee sigmax --help.", word,
        close.empty() ? "the commands are " + list_of_commands(app) : fmt::format("did you mean {}?", close.front()));
  }
  return std::nullopt;
}

std::optional<std::string> empty_value(const CLI::App& app) {
  const CLI::App& command = chosen_command(app);
  for (const CLI::Option* option : command.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
    const std::vector<std::string> values = option->results();
    if (option->get_items_expected_max() == 0 || std::ranges::count(values, "") == 0) continue;
    return fmt::format("{} {} has an empty value; give one, or leave the option out\nSee sigmax {} --help.",
                       option->get_name(), option->get_option_text(), command.get_name());
  }
  return std::nullopt;
}

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen_command(app);
  const std::string page = &command == &app ? std::string() : " " + command.get_name();
  std::string problem = error.what();
  std::string stray;
  for (const std::string& word : app.remaining(true)) {
    if (word.size() > 1 && word.starts_with('-')) {
      problem = unknown_option(command, word);
      stray.clear();
      break;
    }
    if (stray.empty()) stray = word;
  }
  if (!stray.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    problem = fmt::format("unexpected argument '{}'", stray);
  }
  return fmt::format("{}\nSee sigmax{} --help.", problem, page);
}

}  // namespace sigmax::cli
