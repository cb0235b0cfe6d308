// The deframer: cutting a stream into other pieces gives the same messages, and memory stays bounded.

#include <algorithm>
#include <vector>

#include "fuzz/check.hpp"
#include "ice/base/framing.hpp"

using namespace ice;

namespace {

constexpr std::size_t largest_message = 20 + 0xfffc;

struct Outcome {
  std::vector<std::vector<std::uint8_t>> messages;
  bool broken = false;
  std::size_t buffered = 0;

  bool operator==(const Outcome&) const = default;
};

Outcome deframe(Framing framing, Bytes stream, std::size_t piece_size) {
  Deframer deframer{framing};
  Outcome outcome;
  while (!stream.empty() && !outcome.broken) {
    // A copy of its own for each piece, so that a view kept for too long is found.
    const auto size = std::min(piece_size, stream.size());
    const std::vector<std::uint8_t> piece(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    stream = stream.subspan(size);
    deframer.feed(piece);
    for (;;) {
      const auto next = deframer.next();
      outcome.broken = !next;
      if (!next || !*next) break;
      ICE_FUZZ_CHECK((*next)->size() <= largest_message);
      outcome.messages.emplace_back((*next)->begin(), (*next)->end());
    }
    ICE_FUZZ_CHECK(deframer.buffered() < largest_message);
  }
  outcome.buffered = outcome.broken ? 0 : deframer.buffered();
  return outcome;
}

}  // namespace

/// The first byte says which framing, the second how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Framing framing = (data[0] & 1) != 0 ? Framing::rfc4571 : Framing::stun;
  const Bytes stream{data + 2, size - 2};
  const Outcome whole = deframe(framing, stream, stream.size());
  const Outcome in_pieces = deframe(framing, stream, 1 + data[1] % 64u);
  ICE_FUZZ_CHECK(whole == in_pieces);
  ICE_FUZZ_CHECK(deframe(framing, stream, 1) == whole);

  // Messages are the stream, less what belongs to the framing.
  std::size_t bytes = whole.buffered;
  for (const auto& message : whole.messages) bytes += message.size();
  ICE_FUZZ_CHECK(bytes <= stream.size());
  return 0;
}
