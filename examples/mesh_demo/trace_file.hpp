#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/pcapng.hpp"
#include "ice/base/trace.hpp"

namespace ice::mesh {

/// Every datagram of ICE as it passed, in a file for Wireshark. What goes to and comes from the signalling server is
/// left out: it is a stream, and there are ICE passwords in it.
class TraceFile final : public TraceSink {
 public:
  /// Writes what a file of pcapng begins with. is_open() tells whether it could.
  TraceFile(const std::string& path, const Endpoint& signalling);

  bool is_open() const { return file_.is_open() && file_.good(); }

  void event(const TraceEvent& event) noexcept override;
  void packet(const TracePacket& packet) noexcept override;

 private:
  void flush();

  std::ofstream file_;
  Endpoint signalling_;
  Duration to_wall_clock_;  ///< what to add to a TimePoint for the time since 1970
  std::vector<std::uint8_t> blocks_;
  std::vector<std::uint8_t> ip_packet_;
  PcapngWriter writer_{blocks_};
  std::uint32_t interface_ = 0;
};

}  // namespace ice::mesh
