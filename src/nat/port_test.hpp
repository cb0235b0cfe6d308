#pragma once

#include <cstdint>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/nat/behavior.hpp"

namespace ice::nat {

/// Which external ports a NAT gave to fresh ports of ours, in the order in which they were asked for (RFC 4787 §4.2).
struct PortSample {
  std::uint16_t internal = 0;
  std::uint16_t external = 0;
};

struct JudgedPorts {
  Judged<PortAllocation> allocation{};
  std::int32_t step = 0;
};

/// At least four samples say something. Others use the NAT too, so a gap here and there is no contradiction.
JudgedPorts judge_ports(const std::vector<PortSample>& samples);

}  // namespace ice::nat
