// Writes the manual page and the completions into a folder. The build runs this program and installs its output.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "cli/declared.hpp"
#include "cli/generate/completions.hpp"
#include "cli/generate/manual.hpp"

namespace sigmax::cli {
namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_all(const std::filesystem::path& folder) {
  const Declared all = declared();
  write(folder / "sigmax.1", manual_page(all));
  write(folder / "sigmax.bash", bash_completion(all.commands));
  write(folder / "sigmax.fish", fish_completion(all.commands));
  write(folder / "_sigmax", zsh_completion(all.commands));
}

}  // namespace
}  // namespace sigmax::cli

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: generate FOLDER\n");
    return 2;
  }
  try {
    sigmax::cli::write_all(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "generate: {}\n", error.what());
    return 1;
  }
  return 0;
}
