#include "mesh_demo/trace_file.hpp"

#include <chrono>
#include <ios>

#include "ice/io/clock.hpp"

namespace ice::mesh {

TraceFile::TraceFile(const std::string& path, const Endpoint& signalling)
    : file_{path, std::ios::binary},
      signalling_{signalling},
      to_wall_clock_{std::chrono::system_clock::now().time_since_epoch() - io::now().time_since_epoch()} {
  interface_ = writer_.add_interface("mesh_demo");
  flush();
}

void TraceFile::event(const TraceEvent&) noexcept {}

void TraceFile::packet(const TracePacket& packet) noexcept {
  if (packet.remote == signalling_ || packet.remote.address.family() != packet.local.address.family()) return;
  const bool in = packet.direction == TracePacket::Direction::in;
  const IpHeader ip{.from = in ? packet.remote : packet.local, .to = in ? packet.local : packet.remote};
  ip_packet_.clear();
  append_udp_packet(ip_packet_, ip, packet.head, packet.body);
  writer_.packet(interface_, packet.at.time_since_epoch() + to_wall_clock_,
                 in ? PcapngWriter::Direction::in : PcapngWriter::Direction::out, ip_packet_);
  flush();
}

void TraceFile::flush() {
  file_.write(reinterpret_cast<const char*>(blocks_.data()), static_cast<std::streamsize>(blocks_.size()));
  file_.flush();  // what happened before a kill -9 is the interesting part
  blocks_.clear();
}

}  // namespace ice::mesh
