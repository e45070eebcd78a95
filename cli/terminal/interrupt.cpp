#include "cli/terminal/interrupt.hpp"

#include <atomic>
#include <csignal>

namespace sigmax::cli {
namespace {

// We cannot pass an argument to a signal handler, so these two are global. Signals also belong to the whole process.
std::atomic<Context*> interrupted_context{nullptr};
volatile std::sig_atomic_t received = 0;

static_assert(std::atomic<Context*>::is_always_lock_free);

void handle(int number) {
  received = number;
  if (Context* context = interrupted_context.load()) context->request_cancel();
}

// An ignored signal stays ignored: nohup and shells ignore signals for processes in the background.
void install(int number, void (*handler)(int)) {
  struct sigaction before {};
  if (sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt(Context& context) {
  interrupted_context = &context;
  install(SIGINT, handle);
  install(SIGTERM, handle);
}

Interrupt::~Interrupt() {
  install(SIGINT, SIG_DFL);
  install(SIGTERM, SIG_DFL);
  interrupted_context = nullptr;
}

int Interrupt::signal() noexcept { return received; }

void let_writes_fail() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace sigmax::cli
