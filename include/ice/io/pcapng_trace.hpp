#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ice/base/address.hpp"
#include "ice/base/export.hpp"
#include "ice/base/pcapng.hpp"
#include "ice/base/trace.hpp"
#include "ice/io/trace_output.hpp"

namespace ice::io {

/// The packets as a capture file for Wireshark and tshark (pcapng), one interface for each local address. A program
/// sees no IP headers, so they are made up around what it sent and received; messages of streams are shown as
/// datagrams. Events are left out.
///
/// What was sent is in it as it was: also what the application sends, and what other drivers on the same context do,
/// such as signalling with ICE passwords in it. A filter leaves that out.
class ICE_API PcapngTrace final : public TraceSink {
 public:
  using Filter = std::function<bool(const TracePacket&)>;

  /// Only packets for which `wanted` says true are written; null means all.
  explicit PcapngTrace(TraceOutput output, Filter wanted = nullptr);
  PcapngTrace(const PcapngTrace&) = delete;
  PcapngTrace& operator=(const PcapngTrace&) = delete;

  void event(const TraceEvent&) noexcept override {}
  void packet(const TracePacket& packet) noexcept override;

  TraceOutput& output() noexcept { return output_; }

 private:
  std::uint32_t interface_of(const Address& local);

  TraceOutput output_;
  Filter wanted_;
  std::vector<std::uint8_t> block_;
  std::vector<std::uint8_t> ip_packet_;
  PcapngWriter writer_;
  std::vector<Address> interfaces_;
};

}  // namespace ice::io
