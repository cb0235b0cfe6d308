#include "ice/candidate.hpp"

#include <algorithm>

namespace ice {
namespace {

// RFC 8445 §5.1.2.2.
constexpr std::uint32_t type_preference(CandidateType type) noexcept {
  switch (type) {
    case CandidateType::host:
      return 126;
    case CandidateType::peer_reflexive:
      return 110;
    case CandidateType::server_reflexive:
      return 100;
    case CandidateType::relayed:
      return 0;
  }
  return 0;
}

constexpr bool is_ice_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

}  // namespace

std::string_view to_string(CandidateType type) noexcept {
  switch (type) {
    case CandidateType::host:
      return "host";
    case CandidateType::server_reflexive:
      return "srflx";
    case CandidateType::peer_reflexive:
      return "prflx";
    case CandidateType::relayed:
      return "relay";
  }
  return "";
}

std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference, ComponentId component) noexcept {
  return (type_preference(type) << 24) + (std::uint32_t{local_preference} << 8) +
         (256U - static_cast<std::uint32_t>(component));
}

std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled) noexcept {
  const std::uint64_t least = std::min(controlling, controlled);
  const std::uint64_t most = std::max(controlling, controlled);
  return (least << 32) + 2 * most + (controlling > controlled ? 1U : 0U);
}

bool is_ice_text(std::string_view text, std::size_t least, std::size_t most) noexcept {
  return text.size() >= least && text.size() <= most && std::all_of(text.begin(), text.end(), is_ice_char);
}

}  // namespace ice
