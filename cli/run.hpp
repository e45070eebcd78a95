// The command: parses, runs, and turns errors into messages and exit codes; nothing else does the last.
#pragma once

namespace sigmax::cli {

/// The exit code of `sigmax` with these arguments.
int run(int argc, const char* const* argv);

}  // namespace sigmax::cli
