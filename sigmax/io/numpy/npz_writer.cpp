#include "sigmax/io/numpy/npz_writer.hpp"

#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

#include "sigmax/io/bytes/atomic_file.hpp"
#include "sigmax/io/numpy/npy_writer.hpp"
#include "sigmax/io/zip/zip_writer.hpp"

namespace sigmax::io {
namespace {

std::uint32_t extended(std::uint32_t crc, std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

struct Member {
  StoredMember record;
  std::string preamble;
};

// The checksum precedes the data, and a device or pipe cannot be rewound: the data are read for it first.
Member member_of(const OutputTensor& each, Context& context) {
  Member member;
  member.preamble = npy_preamble(each.tensor, "write_npz");
  member.record.name = each.name + ".npy";
  member.record.bytes = member.preamble.size() + packed_bytes(each.tensor, "write_npz");
  std::uint32_t crc = extended(0, std::as_bytes(std::span(member.preamble)));
  for_each_piece(
      each.tensor, [&](std::span<const std::byte> piece) { crc = extended(crc, piece); }, context);
  member.record.crc = crc;
  return member;
}

}  // namespace

void write_npz(const std::filesystem::path& path, std::span<const OutputTensor> tensors, Context& context) {
  check_names(tensors, "write_npz");
  for (const OutputTensor& each : tensors) static_cast<void>(npy_preamble(each.tensor, "write_npz"));
  AtomicFile file(path);
  std::uint64_t offset = 0;
  std::string directory;
  for (const OutputTensor& each : tensors) {
    Member member = member_of(each, context);
    member.record.offset = offset;
    const std::string header = local_header(member.record);
    file.write(header);
    file.write(member.preamble);
    for_each_piece(
        each.tensor, [&](std::span<const std::byte> piece) { file.write(piece); }, context);
    offset += header.size() + member.record.bytes;
    directory += central_header(member.record);
  }
  file.write(directory);
  file.write(end_of_archive(tensors.size(), directory.size(), offset));
  file.commit();
}

}  // namespace sigmax::io
