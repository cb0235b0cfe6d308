#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/result.hpp"
#include "ice/description.hpp"
#include "ice/sdp/session.hpp"

namespace ice::sdp {

/// The most candidates that are read from one text, over all its streams. An agent tries at most 100 pairs
/// (RFC 8445 §6.1.2.5), so more could not all be tried.
inline constexpr std::size_t max_candidates = 100;

/// One entry of a=remote-candidates (RFC 8839 §5.2): what the controlling peer has selected at our side.
struct RemoteCandidate {
  ComponentId component{1};
  Endpoint endpoint;

  friend bool operator==(const RemoteCandidate&, const RemoteCandidate&) = default;
};

/// What a text says of one stream beside Description::streams, at the same index.
struct StreamContent {
  std::size_t media_index = 0;  ///< which m= section it is
  /// The default destination is in no candidate (RFC 8839 §4.2.5): something on the way rewrote the text. Whoever
  /// gives up on ICE for it answers with AnswerOptions::ice_mismatch.
  bool default_mismatch = false;
  bool ice_mismatch = false;  ///< the peer says so of what it was sent, and ICE ends here (RFC 8839 §5.3)
  std::vector<RemoteCandidate> remote_candidates;
};

/// Lines about ICE that were left out; the rest of the text counts (RFC 8839 §5.1).
struct SkippedLines {
  std::size_t unsupported = 0;  ///< candidates of a transport, type or kind of address unknown here
  std::size_t malformed = 0;    ///< lines that break their grammar
  std::size_t over_limit = 0;   ///< beyond max_candidates, the limits of parse_candidate(), or the length of a label
};

/// What a text says of ICE.
struct IceContent {
  Description description;
  std::vector<StreamContent> streams;
  bool end_of_candidates = false;  ///< said for the whole session (RFC 8840 §8.1); then also in each stream
  SkippedLines skipped;
};

/// What a session description says of ICE. Every m= section with a port and with credentials is a stream; ufrag and
/// password at session level hold where the section has none (RFC 8839 §5.4), options of both levels add up.
///
/// errc::bad_ufrag, errc::bad_password: missing everywhere, which is how a peer says that it does not do ICE (§4.2.5),
/// or against RFC 8839 §5.4. errc::unsupported: streams with different credentials.
ICE_API result<IceContent> ice_content(const SessionDescription& session);

/// parse() and ice_content() in one step, for those who want the description alone.
ICE_API result<Description> parse_description(std::string_view text);

/// What a text needs beside the description of ICE.
struct OfferOptions {
  /// A session id of 0 is replaced by one derived from the ufrag, so that two sessions differ. Whoever sends a
  /// second offer keeps the origin and raises its version (RFC 3264 §8).
  Origin origin{};
  /// Media, protocol and formats of each stream, and what else belongs in its section, such as a=fingerprint; its
  /// port and connection are not used.
  /// Icebreaker moves datagrams as they are: m=application … UDP octet-stream (RFC 8866 §8.2.3).
  MediaDescription media{};
  std::vector<Attribute> attributes{};  ///< further ones of the session
  /// The default destination of the first stream, where make_offer() shall not choose: after nomination it is the
  /// local candidate of the nominated pair (RFC 8839 §4.2.1.2).
  std::optional<Endpoint> default_destination{};
  std::vector<RemoteCandidate> remote_candidates{};  ///< by a controlling agent that has finished (RFC 8839 §5.2)
};

/// An offer. The default destination (c=, port of m=) is a candidate of component 1 with the transport of the m= line,
/// the one that most likely works for a peer without ICE: relayed before server-reflexive before host, IPv4 before
/// IPv6; else 0.0.0.0 and port 9 (RFC 8839 §4.3.1, RFC 8840 §4.1.1). A stream without a mid gets its index for one.
/// `local` must have valid credentials.
ICE_API SessionDescription make_offer(const Description& local, const OfferOptions& options = {});

/// format(make_offer(local, options)).
ICE_API std::string format(const Description& local, const OfferOptions& options = {});

struct AnswerOptions {
  Origin origin{};
  std::vector<Attribute> attributes{};            ///< further ones of the session
  std::vector<Attribute> media_attributes{};      ///< further ones of each accepted section, such as a=fingerprint
  std::optional<Endpoint> default_destination{};  ///< as in OfferOptions, of the first accepted section
  bool ice_mismatch = false;                      ///< no ICE, for what `offer` suffered on the way (RFC 8839 §4.2.5)
};

/// The answer to `offer`: section by section the same media, protocol, formats and mid (RFC 3264 §6), as many
/// accepted as `local` has streams, the others refused by port 0. The streams of `local` are taken in order; their
/// mids do not count.
ICE_API SessionDescription make_answer(const SessionDescription& offer, const Description& local,
                                       const AnswerOptions& options = {});

}  // namespace ice::sdp
