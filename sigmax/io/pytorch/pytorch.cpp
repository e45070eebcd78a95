#include "sigmax/io/pytorch/pytorch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sigmax/core/error.hpp"
#include "sigmax/io/bytes/message.hpp"
#include "sigmax/io/pytorch/pickle.hpp"
#include "sigmax/io/pytorch/pytorch_entries.hpp"
#include "sigmax/io/pytorch/pytorch_uses.hpp"
#include "sigmax/io/pytorch/pytorch_walk.hpp"

namespace sigmax::io {
namespace {

constexpr std::string_view kMainPickle = "data.pkl";  // below the archive's root folder
constexpr std::uint64_t kLargestInflatedPickle = std::uint64_t{1} << 28;

void check_byte_order(const std::shared_ptr<const MappedFile>& file, const std::vector<ZipMember>& members,
                      const std::string& root) {
  const ZipMember* member = find_member(members, root + "byteorder");
  if (member == nullptr || member->bytes > 16) return;
  const auto content = read_zip_member(file, *member);
  const std::string_view order(reinterpret_cast<const char*>(content->bytes().data()), content->bytes().size());
  if (order.starts_with("big")) {
    throw FileError(file->path().string(), fmt::format("archive member {}", in_quotes(member->name)),
                    "the checkpoint is big-endian: load it with PyTorch and save it on a little-endian machine");
  }
}

// The storages below `folder`, by the rest of their names.
StorageMap storages_below(const std::vector<ZipMember>& members, const std::string& folder) {
  StorageMap storages;
  for (const ZipMember& member : members) {
    if (!member.name.starts_with(folder)) continue;
    storages.emplace(member.name.substr(folder.size()), std::make_shared<const ZipMember>(member));
  }
  return storages;
}

// What TorchScript's code does with the tensors: those of its modules, and its constants.
void tell_uses(TensorTree& tree, const ProgramUses& program) {
  constexpr std::string_view kConstants = "CONSTANTS";
  for (NamedTensor& named : tree.tensors) {
    if (!named.used_by.empty()) continue;
    const std::size_t at = named.name.rfind('.');
    const bool is_constant =
        at != std::string::npos && std::string_view(named.name).substr(0, at).ends_with(kConstants);
    named.used_by = is_constant && named.holder.empty()
                        ? program.of(std::string(kConstants), named.name.substr(at + 1), named.tensor.shape)
                        : program.of(named.holder, named.attribute, named.tensor.shape);
  }
}

std::vector<Entry> read_member_pickle(const std::shared_ptr<const MappedFile>& file,
                                      const std::vector<ZipMember>& members, const ZipMember& member,
                                      const std::string& storage_folder, const Naming& naming,
                                      const ProgramUses* program) {
  const std::string place = fmt::format("archive member {}", in_quotes(member.name));
  if (member.compressed && member.bytes > kLargestInflatedPickle) {
    throw FileError(file->path().string(), place,
                    fmt::format("inflates to {} bytes, more than the {} that a compressed pickle may have",
                                member.bytes, kLargestInflatedPickle));
  }
  const Pickle pickle = Pickle::read(read_zip_member(file, member), 0, place);
  TensorTree tree = find_tensors(pickle, *file, naming);
  if (program != nullptr) tell_uses(tree, *program);
  return entries_of(file, std::move(tree), storages_below(members, storage_folder), member.name);
}

}  // namespace

bool is_pytorch_archive(const std::vector<ZipMember>& members) { return root_folder(members, kMainPickle).has_value(); }

bool is_torchscript_archive(const std::vector<ZipMember>& members) {
  const auto root = root_folder(members, kMainPickle);
  return root && std::any_of(members.begin(), members.end(), [&root](const ZipMember& member) {
           return member.name == *root + "constants.pkl" || member.name.starts_with(*root + "code/");
         });
}

std::vector<Entry> read_pytorch_archive(const std::shared_ptr<const MappedFile>& file,
                                        const std::vector<ZipMember>& members) {
  return read_pytorch_archive(file, members, {file->path().stem().string(), ""});
}

std::vector<Entry> read_pytorch_archive(const std::shared_ptr<const MappedFile>& file,
                                        const std::vector<ZipMember>& members, const Naming& naming) {
  const auto root = root_folder(members, kMainPickle);
  if (!root) throw FileError(file->path().string(), "", "not a PyTorch archive: it has no data.pkl");
  check_byte_order(file, members, *root);
  std::optional<ProgramUses> program;
  if (is_torchscript_archive(members)) program = read_torchscript_code(file, members, *root);
  const ProgramUses* uses = program ? &*program : nullptr;
  std::vector<Entry> entries =
      read_member_pickle(file, members, *find_member(members, *root + "data.pkl"), *root + "data/", naming, uses);
  if (const ZipMember* constants = find_member(members, *root + "constants.pkl")) {
    std::vector<Entry> more = read_member_pickle(file, members, *constants, *root + "constants/",
                                                 {naming.root, naming.prefix + "CONSTANTS.c"}, uses);
    std::move(more.begin(), more.end(), std::back_inserter(entries));
  }
  return entries;
}

}  // namespace sigmax::io
