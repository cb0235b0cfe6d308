#include "sdp/content.hpp"

#include "sdp/grammar.hpp"

namespace ice::sdp {
namespace {

// What a peer may claim to support; the registry of RFC 8839 §10.3 has fewer than ten.
constexpr std::size_t max_options = 32;

// The longest option and mid that are kept. Those in use are below 20.
constexpr std::size_t max_label = 256;

// Port 9 is "told later" together with 0.0.0.0 or :: (RFC 8839 §4.3.1), and in an offer that trickles with the host's
// own address as well (RFC 8840 §4.1.1).
constexpr std::uint16_t later_port = 9;

constexpr bool is_ice_char(char c) noexcept { return is_alphanumeric(c) || c == '+' || c == '/'; }

struct Credentials {
  std::string_view ufrag;
  std::string_view password;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// RFC 8839 §5.4: what the media level does not say, the session level says.
Credentials credentials_of(const std::vector<Attribute>& attributes, const Credentials& inherited) noexcept {
  return {find_attribute(attributes, "ice-ufrag").value_or(inherited.ufrag),
          find_attribute(attributes, "ice-pwd").value_or(inherited.password)};
}

class ContentReader {
 public:
  ContentReader(const SessionDescription& session, TextKind kind) noexcept : session_{session}, kind_{kind} {}

  result<IceContent> read() {
    const Credentials of_session = credentials_of(session_.attributes, {});
    std::optional<Credentials> credentials;
    read_session();
    for (std::size_t index = 0; index < session_.media.size(); ++index) {
      const MediaDescription& media = session_.media[index];
      if (kind_ == TextKind::session && media.port == 0) continue;  // disabled: RFC 3264 §8.2
      const Credentials of_stream = credentials_of(media.attributes, of_session);
      if (of_stream == Credentials{}) continue;  // a stream without ICE: RFC 8839 §4.2.5
      if (credentials && *credentials != of_stream) return fail(errc::unsupported);
      credentials = of_stream;
      read_stream(media, index);
    }
    const Credentials chosen = credentials.value_or(of_session);
    content_.description.ufrag = chosen.ufrag;
    content_.description.password = chosen.password;
    if (const auto valid = validate_credentials(content_.description); !valid) return fail(valid.error());
    return std::move(content_);
  }

 private:
  void read_session() {
    for (const Attribute& attribute : session_.attributes) {
      if (equals_ignoring_case(attribute.name, "ice-lite")) {
        content_.description.lite = true;
      } else if (equals_ignoring_case(attribute.name, "ice-pacing")) {
        read_pacing(attribute.value);
      } else if (equals_ignoring_case(attribute.name, "ice-options")) {
        read_options(attribute.value);
      } else if (equals_ignoring_case(attribute.name, "end-of-candidates")) {
        content_.end_of_candidates = true;
      }
    }
  }

  void read_stream(const MediaDescription& media, std::size_t index) {
    StreamDescription stream;
    StreamContent more;
    more.media_index = index;
    stream.end_of_candidates = content_.end_of_candidates;
    const std::size_t skipped_before = all_skipped();
    for (const Attribute& attribute : media.attributes) {
      if (equals_ignoring_case(attribute.name, "candidate")) {
        read_candidate(attribute.value, stream.candidates);
      } else if (equals_ignoring_case(attribute.name, "mid")) {
        read_mid(attribute.value, stream.mid);
      } else if (equals_ignoring_case(attribute.name, "ice-options")) {
        read_options(attribute.value);
      } else if (equals_ignoring_case(attribute.name, "end-of-candidates")) {
        stream.end_of_candidates = true;
      } else if (equals_ignoring_case(attribute.name, "ice-mismatch")) {
        more.ice_mismatch = true;
      } else if (equals_ignoring_case(attribute.name, "remote-candidates")) {
        read_remote_candidates(attribute.value, more.remote_candidates);
      }
    }
    // A default destination may be in a line that was skipped; only what was read in full can prove a mismatch.
    if (kind_ == TextKind::session && !more.ice_mismatch && all_skipped() == skipped_before) {
      more.default_mismatch = has_mismatch(media, stream.candidates);
    }
    content_.description.streams.push_back(std::move(stream));
    content_.streams.push_back(std::move(more));
  }

  void read_candidate(std::string_view value, std::vector<Candidate>& candidates) {
    if (candidates_ == max_candidates) {
      ++content_.skipped.over_limit;
      return;
    }
    auto candidate = parse_candidate_value(value);
    if (candidate) {
      ++candidates_;
      candidates.push_back(std::move(*candidate));
    } else if (candidate.error() == errc::unsupported) {
      ++content_.skipped.unsupported;
    } else if (candidate.error() == errc::limit_reached) {
      ++content_.skipped.over_limit;
    } else {
      ++content_.skipped.malformed;
    }
  }

  // RFC 5888 §9.1: a token.
  void read_mid(std::string_view value, std::string& mid) {
    if (!is_token(value)) {
      ++content_.skipped.malformed;
    } else if (value.size() > max_label) {
      ++content_.skipped.over_limit;
    } else {
      mid = value;
    }
  }

  // RFC 8839 §5.5.
  void read_pacing(std::string_view value) {
    const auto number = value.size() <= 10 ? parse_number(value, 9'999'999'999) : std::nullopt;
    if (number) {
      content_.description.pacing = std::chrono::milliseconds{*number};
    } else {
      ++content_.skipped.malformed;
    }
  }

  // RFC 8839 §5.6.
  void read_options(std::string_view value) {
    while (!value.empty()) {
      const std::string_view option = take_until(value, ' ');
      if (option.empty() || !std::all_of(option.begin(), option.end(), is_ice_char)) {
        ++content_.skipped.malformed;
      } else if (option.size() > max_label) {
        ++content_.skipped.over_limit;
      } else if (!content_.description.has_option(option)) {
        if (content_.description.options.size() == max_options) {
          ++content_.skipped.over_limit;
          return;
        }
        content_.description.options.emplace_back(option);
      }
    }
  }

  // RFC 8839 §5.2: component, address and port, one for each component. A name cannot be one of our candidates.
  void read_remote_candidates(std::string_view value, std::vector<RemoteCandidate>& out) {
    while (!value.empty()) {
      const auto component = parse_component(take_until(value, ' '));
      const auto address = parse_address(take_until(value, ' '));
      const auto port = parse_number(take_until(value, ' '), 65535);
      if (!component || !address || !port) {
        ++content_.skipped.malformed;
        return;
      }
      if (out.size() == max_candidates) {
        ++content_.skipped.over_limit;
        return;
      }
      out.push_back({*component, {address->without_scope(), static_cast<std::uint16_t>(*port)}});
    }
  }

  // RFC 8839 §4.2.5, with its exceptions 2 (told later) and 4 (a name).
  bool has_mismatch(const MediaDescription& media, const std::vector<Candidate>& candidates) const {
    const Connection* connection = !media.connections.empty() ? &media.connections.front()
                                   : session_.connection      ? &*session_.connection
                                                              : nullptr;
    if (connection == nullptr) return false;
    const auto address = parse_address(connection->address);
    if (!address) return false;
    const bool trickles = content_.description.has_option(option_trickle);
    if (media.port == later_port && (address->is_unspecified() || trickles)) return false;
    const Endpoint destination{*address, media.port};
    const Transport transport = transport_of(media.protocol);
    return std::none_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
      return candidate.component == ComponentId{1} && candidate.transport == transport &&
             candidate.endpoint == destination;
    });
  }

  std::size_t all_skipped() const noexcept {
    return content_.skipped.unsupported + content_.skipped.malformed + content_.skipped.over_limit;
  }

  const SessionDescription& session_;
  const TextKind kind_;
  IceContent content_;
  std::size_t candidates_ = 0;
};

}  // namespace

Transport transport_of(std::string_view protocol) noexcept {
  const std::string_view first = take_until(protocol, '/');
  return equals_ignoring_case(first, "TCP") ? Transport::tcp : Transport::udp;
}

result<IceContent> read_content(const SessionDescription& session, TextKind kind) {
  return ContentReader{session, kind}.read();
}

result<IceContent> ice_content(const SessionDescription& session) { return read_content(session, TextKind::session); }

result<Description> parse_description(std::string_view text) {
  const auto session = parse(text);
  if (!session) return fail(session.error());
  auto content = ice_content(*session);
  if (!content) return fail(content.error());
  return std::move(content->description);
}

}  // namespace ice::sdp
