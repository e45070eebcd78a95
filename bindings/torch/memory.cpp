#include "bindings/torch/memory.hpp"

#include <ATen/EmptyTensor.h>
#include <ATen/Functions.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace sigmax::torch {
namespace {

constexpr std::size_t kSmallest = std::size_t{128} << 10;
constexpr std::size_t kGrain = std::size_t{64} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

class Blocks {
 public:
  void* acquire(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    in_use_ += bytes;
    most_ = std::max(most_, in_use_);
    if (const auto found = free_.find(bytes); found != free_.end()) {
      void* block = found->second.back();
      found->second.pop_back();
      if (found->second.empty()) free_.erase(found);
      kept_ -= bytes;
      return block;
    }
    while (!free_.empty() && in_use_ + kept_ > most_) drop(std::prev(free_.end()));
    void* block = map(bytes);
    if (block == nullptr && !free_.empty()) {
      while (!free_.empty()) drop(free_.begin());
      block = map(bytes);
    }
    if (block == nullptr) in_use_ -= bytes;
    return block;
  }

  void release(void* block, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    in_use_ -= bytes;
    try {
      free_[bytes].push_back(block);
      kept_ += bytes;
    } catch (...) {
      ::munmap(block, bytes);
      return;
    }
#ifdef MADV_FREE
    if (bytes >= kHugePage) ::madvise(block, bytes, MADV_FREE);
#endif
  }

  std::size_t release_all() {
    const std::lock_guard lock(mutex_);
    const std::size_t bytes = kept_;
    while (!free_.empty()) drop(free_.begin());
    most_ = in_use_;
    return bytes;
  }

 private:
  using Free = std::map<std::size_t, std::vector<void*>>;

  void drop(Free::iterator size) {
    ::munmap(size->second.back(), size->first);
    kept_ -= size->first;
    size->second.pop_back();
    if (size->second.empty()) free_.erase(size);
  }

  // Large blocks are aligned to huge pages, which cost the system a five-hundredth of the work.
  static void* map(std::size_t bytes) {
    const std::size_t asked = bytes < kHugePage ? bytes : bytes + kHugePage;
    void* mapped = ::mmap(nullptr, asked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    if (asked == bytes) return mapped;
    auto* first = static_cast<std::byte*>(mapped);
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(first) % kHugePage) % kHugePage;
    if (before > 0) ::munmap(first, before);
    ::munmap(first + before + bytes, kHugePage - before);
#ifdef MADV_HUGEPAGE
    ::madvise(first + before, bytes, MADV_HUGEPAGE);
#endif
    return first + before;
  }

  std::mutex mutex_;
  Free free_;
  std::size_t in_use_ = 0;
  std::size_t kept_ = 0;
  std::size_t most_ = 0;
};

// Never destroyed: tensors may outlive all static objects.
Blocks& blocks() {
  static Blocks& all = *new Blocks;  // NOLINT(cppcoreguidelines-owning-memory)
  return all;
}

std::size_t rounded(std::size_t bytes) {
  const std::size_t unit = bytes < kHugePage ? kGrain : kHugePage;
  return (bytes + unit - 1) / unit * unit;
}

// The data that a tensor's memory needs when it is returned.
struct Lent {
  void* data;
  std::size_t bytes;
};

void give_back(void* context) {
  const Lent* lent = static_cast<const Lent*>(context);
  blocks().release(lent->data, lent->bytes);
  delete lent;  // NOLINT(cppcoreguidelines-owning-memory)
}

class Recycler final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes < kSmallest) return c10::GetAllocator(c10::DeviceType::CPU)->allocate(bytes);
    auto lent = std::make_unique<Lent>(Lent{nullptr, rounded(bytes)});
    lent->data = blocks().acquire(lent->bytes);
    TORCH_CHECK(lent->data != nullptr, "[sigmax] no memory: ", bytes, " bytes for a normalized weight or a gradient");
    void* data = lent->data;
    return {data, lent.release(), &give_back, c10::Device(c10::DeviceType::CPU)};
  }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }
};

}  // namespace

bool is_plain(const at::Tensor& tensor) {
  using c10::DispatchKey;
  static const c10::DispatchKeySet between(
      {DispatchKey::Python, DispatchKey::PythonTLSSnapshot, DispatchKey::Functionalize,
       DispatchKey::FuncTorchDynamicLayerFrontMode, DispatchKey::FuncTorchDynamicLayerBackMode,
       DispatchKey::FuncTorchBatched, DispatchKey::FuncTorchGradWrapper, DispatchKey::Batched, DispatchKey::Tracer});
  const c10::impl::LocalDispatchKeySet local = c10::impl::tls_local_dispatch_key_set();
  return tensor.device().is_cpu() && !((tensor.key_set() | local.included_) - local.excluded_).has_any(between) &&
         !c10::impl::TorchDispatchModeTLS::any_modes_set();
}

at::Tensor recycled_like(const at::Tensor& tensor) {
  static Recycler& recycler = *new Recycler;  // NOLINT(cppcoreguidelines-owning-memory)
  return at::Tensor(at::detail::empty_generic(tensor.sizes(), &recycler, c10::DispatchKeySet(c10::DispatchKey::CPU),
                                              tensor.scalar_type(), std::nullopt));
}

at::Tensor output_like(const at::Tensor& tensor) {
  const bool large = static_cast<std::size_t>(tensor.numel()) * tensor.element_size() >= kSmallest;
  return large && is_plain(tensor) && tensor.is_contiguous() ? recycled_like(tensor) : at::empty_like(tensor);
}

std::int64_t release_kept_memory() { return static_cast<std::int64_t>(blocks().release_all()); }

}  // namespace sigmax::torch
