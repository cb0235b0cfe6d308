#include "ice/sdp/candidate.hpp"

#include <cassert>

#include "ice/description.hpp"
#include "sdp/grammar.hpp"

namespace ice::sdp {
namespace {

constexpr std::string_view attribute_prefix = "candidate:";
constexpr std::size_t max_foundation = 32;           // RFC 8839 §5.1
constexpr std::uint32_t max_priority = 0x7fff'ffff;  // RFC 8445 §5.1.2: 2^31 - 1
constexpr std::size_t max_host_name = 253;           // RFC 1035 §2.3.4: 255 octets on the wire
constexpr std::string_view local_domain = ".local";  // RFC 6762 §3
constexpr std::uint16_t hidden_port = 9;             // RFC 8839 §5.1: with 0.0.0.0 or ::, a related address not told
constexpr std::string_view tcp_type = "tcptype";     // RFC 6544 §4.5

std::optional<CandidateType> parse_type(std::string_view text) noexcept {
  for (const CandidateType type :
       {CandidateType::host, CandidateType::server_reflexive, CandidateType::peer_reflexive, CandidateType::relayed}) {
    if (equals_ignoring_case(text, to_string(type))) return type;
  }
  return std::nullopt;
}

bool is_host_name(std::string_view text) noexcept {
  return text.size() >= 4 && text.size() <= max_host_name &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

// RFC 8839 §5.1: a colon tells IPv6; names are ignored but for those of multicast DNS, by which browsers hide host
// addresses.
result<void> read_connection_address(std::string_view text, Candidate& candidate) {
  const bool looks_like_v6 = text.find(':') != std::string_view::npos;
  const bool looks_like_v4 = std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  if (looks_like_v6 || looks_like_v4) {
    const auto address = parse_address(text);
    if (!address) return fail(errc::bad_candidate);
    candidate.endpoint.address = *address;
    return {};
  }
  if (!std::all_of(text.begin(), text.end(), is_visible)) return fail(errc::bad_candidate);
  const bool is_local = is_host_name(text) && text.size() > local_domain.size() &&
                        equals_ignoring_case(text.substr(text.size() - local_domain.size()), local_domain);
  if (!is_local) return fail(errc::unsupported);
  candidate.name = text;
  return {};
}

// The name-value pairs behind the type. `raddr` and `rport` come first in the grammar; where they stand costs nothing,
// so order is not enforced. A pair that is understood may come once.
class PairReader {
 public:
  explicit PairReader(Candidate& candidate) noexcept : candidate_{candidate} {}

  result<void> read(std::string_view text) {
    while (!text.empty()) {
      const std::string_view name = take_until(text, ' ');
      if (name.empty() && text.find_first_not_of(' ') == std::string_view::npos) break;  // spaces at the end
      // A value may be empty, but then the space before it is there.
      const bool has_value = name.data() + name.size() != text.data();
      if (!is_token(name) || !has_value) return fail(errc::bad_candidate);
      const std::string_view value = take_until(text, ' ');
      if (!std::all_of(value.begin(), value.end(), is_visible)) return fail(errc::bad_candidate);
      if (const auto taken = take(name, value); !taken) return fail(taken.error());
    }
    return finish();
  }

 private:
  result<void> take(std::string_view name, std::string_view value) {
    if (equals_ignoring_case(name, "raddr")) {
      if (related_address_) return fail(errc::bad_candidate);
      // A name in its place tells no more than a hidden address does.
      related_address_ = parse_address(value).value_or(Address{});
      return {};
    }
    if (equals_ignoring_case(name, "rport")) {
      if (related_port_) return fail(errc::bad_candidate);
      const auto port = parse_number(value, 65535);
      if (!port) return fail(errc::bad_candidate);
      related_port_ = static_cast<std::uint16_t>(*port);
      return {};
    }
    if (equals_ignoring_case(name, "ufrag")) {
      if (!candidate_.ufrag.empty()) return fail(errc::bad_candidate);
      if (!is_ice_text(value, min_ufrag, max_credential)) return fail(errc::bad_ufrag);
      candidate_.ufrag = value;
      return {};
    }
    if (candidate_.extensions.size() == max_candidate_extensions) return fail(errc::limit_reached);
    candidate_.extensions.push_back({std::string{name}, std::string{value}});
    return {};
  }

  result<void> finish() {
    // RFC 8839 §5.1: a host candidate has none, and 0.0.0.0 or :: is how it is not told.
    if (candidate_.type != CandidateType::host && related_address_ && *related_address_ &&
        !related_address_->is_unspecified()) {
      candidate_.related = {*related_address_, related_port_.value_or(0)};
    }
    // RFC 6544 §4.5: a TCP candidate says who connects.
    if (candidate_.transport == Transport::tcp && !has_tcp_type()) return fail(errc::bad_candidate);
    return {};
  }

  bool has_tcp_type() const noexcept {
    for (const CandidateExtension& extension : candidate_.extensions) {
      if (!equals_ignoring_case(extension.name, tcp_type)) continue;
      for (const std::string_view known : {"active", "passive", "so"}) {
        if (equals_ignoring_case(extension.value, known)) return true;
      }
      return false;
    }
    return false;
  }

  Candidate& candidate_;
  std::optional<Address> related_address_;
  std::optional<std::uint16_t> related_port_;
};

void append_endpoint(std::string& out, const Address& address, std::uint16_t port, std::string_view between) {
  char text[Address::max_text];
  out += address.without_scope().format(text);
  out += between;
  out += std::to_string(port);
}

}  // namespace

result<Candidate> parse_candidate_value(std::string_view value) {
  if (value.size() > max_candidate_size) return fail(errc::limit_reached);
  Candidate candidate;

  const std::string_view foundation = take_until(value, ' ');
  if (!is_ice_text(foundation, 1, max_foundation)) return fail(errc::bad_candidate);
  candidate.foundation = foundation;

  const auto component = parse_component(take_until(value, ' '));
  if (!component) return fail(errc::bad_candidate);
  candidate.component = *component;

  const std::string_view transport = take_until(value, ' ');
  if (!is_token(transport)) return fail(errc::bad_candidate);

  const std::string_view priority_text = take_until(value, ' ');
  const auto priority = priority_text.size() <= 10 ? parse_number(priority_text, max_priority) : std::nullopt;
  if (!priority || *priority == 0) return fail(errc::bad_candidate);
  candidate.priority = static_cast<std::uint32_t>(*priority);

  const std::string_view address = take_until(value, ' ');
  if (address.empty()) return fail(errc::bad_candidate);

  const auto port = parse_number(take_until(value, ' '), 65535);
  if (!port || *port == 0) return fail(errc::bad_candidate);
  candidate.endpoint.port = static_cast<std::uint16_t>(*port);

  if (!equals_ignoring_case(take_until(value, ' '), "typ")) return fail(errc::bad_candidate);
  const std::string_view type = take_until(value, ' ');
  if (!is_token(type)) return fail(errc::bad_candidate);

  // Only now, so that a line that breaks the grammar is malformed whatever else it names.
  if (equals_ignoring_case(transport, to_string(Transport::tcp))) {
    candidate.transport = Transport::tcp;
  } else if (!equals_ignoring_case(transport, to_string(Transport::udp))) {
    return fail(errc::unsupported);
  }
  const auto known_type = parse_type(type);
  if (!known_type) return fail(errc::unsupported);
  candidate.type = *known_type;

  if (const auto read = read_connection_address(address, candidate); !read) return fail(read.error());
  if (const auto read = PairReader{candidate}.read(value); !read) return fail(read.error());
  return candidate;
}

std::string candidate_value(const Candidate& candidate) {
  assert(candidate.transport == Transport::udp || candidate.transport == Transport::tcp);
  std::string out;
  out.reserve(128);
  out += candidate.foundation;
  out += ' ';
  out += std::to_string(static_cast<std::uint16_t>(candidate.component));
  out += candidate.transport == Transport::tcp ? " TCP " : " UDP ";
  out += std::to_string(candidate.priority);
  out += ' ';
  if (candidate.name.empty()) {
    append_endpoint(out, candidate.endpoint.address, candidate.endpoint.port, " ");
  } else {
    out += candidate.name;
    out += ' ';
    out += std::to_string(candidate.endpoint.port);
  }
  out += " typ ";
  out += to_string(candidate.type);
  if (candidate.type != CandidateType::host) {
    out += " raddr ";
    if (candidate.related) {
      append_endpoint(out, candidate.related.address, candidate.related.port, " rport ");
    } else {
      const Family family = candidate.endpoint.address.is_v6() ? Family::ipv6 : Family::ipv4;
      append_endpoint(out, Address::any(family), hidden_port, " rport ");
    }
  }
  for (const CandidateExtension& extension : candidate.extensions) {
    out += ' ';
    out += extension.name;
    out += ' ';
    out += extension.value;
  }
  if (!candidate.ufrag.empty()) {
    out += " ufrag ";
    out += candidate.ufrag;
  }
  return out;
}

result<Candidate> parse_candidate(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("a=")) line.remove_prefix(2);
  if (!equals_ignoring_case(line.substr(0, attribute_prefix.size()), attribute_prefix)) {
    return fail(errc::bad_candidate);
  }
  return parse_candidate_value(line.substr(attribute_prefix.size()));
}

std::string format(const Candidate& candidate) { return std::string{attribute_prefix} + candidate_value(candidate); }

}  // namespace ice::sdp
