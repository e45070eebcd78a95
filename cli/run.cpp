#include "cli/run.hpp"

#include <fmt/format.h>

#include <csignal>
#include <new>
#include <variant>

#include "cli/commands/audit.hpp"
#include "cli/commands/certify.hpp"
#include "cli/commands/cond.hpp"
#include "cli/commands/lipschitz.hpp"
#include "cli/commands/ls.hpp"
#include "cli/commands/norm.hpp"
#include "cli/commands/svd.hpp"
#include "cli/exit_code.hpp"
#include "cli/options.hpp"
#include "cli/terminal/interrupt.hpp"
#include "cli/terminal/terminal.hpp"
#include "sigmax/core/context.hpp"
#include "sigmax/core/error.hpp"
#include "sigmax/core/floating_environment.hpp"
#include "sigmax/io/bytes/mapping_faults.hpp"

namespace sigmax::cli {
namespace {

struct Run {
  int operator()(const Message& message) const {
    if (message.exit_code == kSuccess) {
      print(message.text);
    } else {
      Messages({}).error(message.text);
    }
    return message.exit_code;
  }

  int operator()(const AuditOptions& options) const {
    return interruptible(options.jobs, [&](Context& context) { return run_audit(options, context); });
  }

  int operator()(const NormRequest& options) const {
    return interruptible(options.jobs, [&](Context& context) { return run_norm(options, context); });
  }

  int operator()(const CondRequest& options) const {
    return interruptible(options.jobs, [&](Context& context) { return run_cond(options, context); });
  }

  int operator()(const SvdRequest& options) const {
    return interruptible(options.jobs, [&](Context& context) { return run_svd(options, context); });
  }

  int operator()(const LipschitzRequest& options) const {
    return interruptible(options.jobs, [&](Context& context) { return run_lipschitz(options, context); });
  }

  int operator()(const AccuracyRequest& options) const {
    return interruptible(options.jobs, [&](Context& context) { return run_certify(options, context); });
  }

  int operator()(const ListOptions& options) const { return run_ls(options); }

 private:
  template <class Body>
  static int interruptible(int jobs, const Body& body) {
    Context context(jobs);
    const Interrupt interrupt(context);
    return body(context);
  }
};

}  // namespace

int run(int argc, const char* const* argv) {
  let_writes_fail();
  io::handle_mapping_faults();
  const FloatingEnvironment environment;
  try {
    return std::visit(Run{}, parse(argc, argv));
  } catch (const Canceled&) {
    Messages({}).error(Interrupt::signal() == SIGTERM ? "terminated" : "interrupted");
    return Interrupt::signal() == SIGTERM ? kTerminated : kInterrupted;
  } catch (const FileError& error) {
    Messages({}).error(error.what());
    return kBadInput;
  } catch (const Error& error) {
    Messages({}).error(error.what());
    return kUsage;
  } catch (const std::bad_alloc&) {
    Messages({}).error("out of memory; fewer threads (-j), --quick or --layers need less");
    return kBadInput;
  } catch (const std::exception& error) {
    Messages({}).error(fmt::format("unexpected failure: {}", error.what()));
    return kBadInput;
  }
}

}  // namespace sigmax::cli
