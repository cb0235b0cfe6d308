#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/datagram.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"

namespace ice {

enum class CandidateType : std::uint8_t { host, server_reflexive, peer_reflexive, relayed };

/// "host", "srflx", "prflx" or "relay" (RFC 8839 §5.1).
ICE_API std::string_view to_string(CandidateType type) noexcept;

/// A name and value that this build gives no meaning to (RFC 8839 §5.1: `cand-extension`), kept as it came.
struct CandidateExtension {
  std::string name;
  std::string value;

  friend bool operator==(const CandidateExtension&, const CandidateExtension&) = default;
};

/// A transport address that may be tried, with what the peer has to know of it (RFC 8445 §5.3, RFC 8839 §5.1).
struct Candidate {
  std::string foundation;  ///< 1 to 32 ice-chars (RFC 8445 §5.1.1.3)
  ComponentId component{1};
  Transport transport = Transport::udp;
  std::uint32_t priority = 0;  ///< 1 to 2^31 - 1 (RFC 8445 §5.1.2)
  Endpoint endpoint;           ///< never with a scope id; without an address where `name` stands for it
  std::string name;            ///< a ".local" or other name in place of an address; empty in all others
  CandidateType type = CandidateType::host;
  Endpoint related;   ///< base of a reflexive candidate; none where it is not told
  std::string ufrag;  ///< the generation it belongs to (RFC 8838 §9); empty where it is not told
  std::vector<CandidateExtension> extensions;

  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// The largest priority of a candidate; the least is 1 (RFC 8445 §5.1.2).
inline constexpr std::uint32_t max_priority = 0x7FFFFFFF;

/// RFC 8445 §5.1.2.1, with the type preferences of §5.1.2.2. `local_preference` must differ between candidates of the
/// same type and component.
ICE_API std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference,
                                         ComponentId component) noexcept;

/// RFC 8445 §6.1.2.3: `controlling` is the priority of the controlling agent's candidate, `controlled` of the other's.
ICE_API std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled) noexcept;

/// Letters, digits, "+" and "/" (RFC 8839 §5.4: ice-char), `least` to `most` of them.
ICE_API bool is_ice_text(std::string_view text, std::size_t least, std::size_t most) noexcept;

}  // namespace ice
