#include "sigmax/io/bytes/mapping_faults.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <mutex>
#include <vector>

namespace sigmax::io {

// The handler may run in the middle of anything, so it can neither lock nor allocate. Slots therefore form a list that
// only grows and whose nodes are never freed, only used again. The two addresses of a slot change together under its
// sequence number, which is odd while they change. A slot that is seen changing cannot be the one of the fault, because
// whoever reads a mapping keeps it alive.
struct WatchedMapping::Slot {
  std::atomic<std::uint32_t> sequence{0};
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> broken{false};
  Slot* next = nullptr;
};

namespace {

using Slot = WatchedMapping::Slot;

static_assert(std::atomic<Slot*>::is_always_lock_free && std::atomic<std::uintptr_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// A signal handler takes no argument of ours, so its data belong to the process, as signals do.
std::atomic<Slot*> slots{nullptr};
std::atomic<std::uintptr_t> page_bytes{0};
struct sigaction before {};

struct Spare {
  std::mutex mutex;
  std::vector<Slot*> slots;
  std::size_t made = 0;
};

// Never destroyed: a mapping may outlive every static object.
Spare& spare() {
  static Spare* const instance = new Spare;
  return *instance;
}

void set_range(Slot& slot, std::uintptr_t begin, std::uintptr_t end) {
  const std::uint32_t sequence = slot.sequence.load(std::memory_order_relaxed);
  slot.sequence.store(sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  slot.begin.store(begin, std::memory_order_relaxed);
  slot.end.store(end, std::memory_order_relaxed);
  slot.sequence.store(sequence + 2, std::memory_order_release);
}

// The slot whose mapping holds `address`, and where that mapping ends.
Slot* slot_of(std::uintptr_t address, std::uintptr_t& end) {
  for (Slot* slot = slots.load(std::memory_order_acquire); slot != nullptr; slot = slot->next) {
    const std::uint32_t sequence = slot->sequence.load(std::memory_order_acquire);
    const std::uintptr_t first = slot->begin.load(std::memory_order_relaxed);
    const std::uintptr_t last = slot->end.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (sequence % 2 != 0 || slot->sequence.load(std::memory_order_relaxed) != sequence) continue;
    if (address < first || address >= last) continue;
    end = last;
    return slot;
  }
  return nullptr;
}

// A truncated file lacks every page after the first missing one. One mapping of zeros replaces them all, so that a
// large file leaves one fault, not one per page, and no more mappings than the system allows.
bool replace_by_zeros(void* address) {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  std::uintptr_t end = 0;
  Slot* slot = slot_of(value, end);
  if (slot == nullptr) return false;
  const std::uintptr_t page = page_bytes.load(std::memory_order_relaxed);
  const std::uintptr_t into_page = value % page;
  const std::uintptr_t length = (end - (value - into_page) + page - 1) / page * page;
  // The mark comes first: no thread may read one of our zeros before it can see the mark.
  slot->broken.store(true, std::memory_order_seq_cst);
  return ::mmap(static_cast<char*>(address) - into_page, length, PROT_READ,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
}

void pass_on(int number, siginfo_t* info, void* machine_state) {
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(number, info, machine_state);
  const bool sent = info->si_code <= 0;
  if (before.sa_handler == SIG_IGN && sent) return;
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(number);
  // The fault happens again when this returns; a signal that was sent does not.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(number, &standard, nullptr);
  if (sent) ::raise(number);
}

void handle(int number, siginfo_t* info, void* machine_state) {
  const int error = errno;
  const bool ours = info->si_code == BUS_ADRERR && replace_by_zeros(info->si_addr);
  errno = error;
  if (!ours) pass_on(number, info, machine_state);
}

}  // namespace

void handle_mapping_faults() {
  static const bool once = [] {
    page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    // Stored before our handler is installed: a fault may come in between.
    ::sigaction(SIGBUS, nullptr, &before);
    ::sigaction(SIGBUS, &action, nullptr);
    return true;
  }();
  static_cast<void>(once);
}

WatchedMapping::WatchedMapping(const std::byte* data, std::size_t size) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const std::scoped_lock lock(spare().mutex);
  if (spare().slots.empty()) {
    // Reserves room for taking the slot back later, because a destructor must not fail.
    spare().slots.reserve(spare().made + 1);
    slot_ = new Slot;
    ++spare().made;
    set_range(*slot_, begin, begin + size);
    slot_->next = slots.load(std::memory_order_relaxed);
    slots.store(slot_, std::memory_order_release);
  } else {
    slot_ = spare().slots.back();
    spare().slots.pop_back();
    slot_->broken.store(false, std::memory_order_relaxed);
    set_range(*slot_, begin, begin + size);
  }
}

WatchedMapping::~WatchedMapping() {
  const std::scoped_lock lock(spare().mutex);
  set_range(*slot_, 0, 0);
  spare().slots.push_back(slot_);
}

bool WatchedMapping::is_broken() const noexcept { return slot_->broken.load(std::memory_order_seq_cst); }

}  // namespace sigmax::io
