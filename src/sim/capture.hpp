#pragma once

#include <cstdint>
#include <vector>

#include "ice/base/pcapng.hpp"
#include "ice/sim/counters.hpp"
#include "sim/packet.hpp"

namespace ice::sim {

class Attachment;

/// Writes packets to a log as they were at each end of a link. One packet is held back until the next, so that it can
/// still be said why it was dropped.
class Capture {
 public:
  using Direction = PcapngWriter::Direction;

  explicit Capture(std::vector<std::uint8_t>& log) : writer_{log} {}
  ~Capture() { flush(); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void packet(const Attachment& at, TimePoint now, Direction direction, const Packet& packet);

  /// `packet` goes no further; it is shown once more where it was last, unless that is what was just written.
  void dropped(const Attachment& at, TimePoint now, const Packet& packet, Drop why);

  void flush();

 private:
  std::uint32_t interface_of(const Attachment& at);

  PcapngWriter writer_;
  std::vector<std::uint32_t> interfaces_;  ///< by index of the attachment, plus one; 0 for one not seen yet
  const Packet* held_ = nullptr;           ///< whose bytes are in `bytes_`, for telling it from another alone
  std::uint32_t held_interface_ = 0;
  Duration held_at_{};
  Direction held_direction_{};
  std::string_view held_comment_;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint8_t> quoted_;
};

}  // namespace ice::sim
