#include <cassert>

#include "base/mix.hpp"
#include "sdp/content.hpp"
#include "sdp/grammar.hpp"

namespace ice::sdp {
namespace {

// RFC 3264 §5: a signed number of 64 bits.
std::uint64_t session_id_from(std::string_view ufrag) noexcept {
  std::uint64_t id = 0;
  for (const char c : ufrag) id = mix(id + golden_gamma + static_cast<unsigned char>(c));
  return id >> 1;
}

Origin origin_or_default(Origin origin, const Description& local) {
  if (origin.session_id == 0) origin.session_id = session_id_from(local.ufrag);
  return origin;
}

// The order in which candidates are likely to work for a peer that knows no ICE.
unsigned likelihood(const Candidate& candidate) noexcept {
  const unsigned family = candidate.endpoint.address.is_v4() ? 1 : 0;
  switch (candidate.type) {
    case CandidateType::relayed:
      return 6 + family;
    case CandidateType::server_reflexive:
      return 4 + family;
    case CandidateType::peer_reflexive:
      return 2 + family;
    case CandidateType::host:
      return family;
  }
  return 0;
}

Endpoint default_destination(const StreamDescription& stream, Transport transport) noexcept {
  const Candidate* best = nullptr;
  for (const Candidate& candidate : stream.candidates) {
    // A name stands for an address that is not to be told, so c= may not tell it either.
    if (candidate.component != ComponentId{1} || candidate.transport != transport || !candidate.endpoint) continue;
    if (best == nullptr || likelihood(candidate) > likelihood(*best) ||
        (likelihood(candidate) == likelihood(*best) && candidate.priority > best->priority)) {
      best = &candidate;
    }
  }
  return best != nullptr ? best->endpoint : Endpoint{Address::any(Family::ipv4), 9};
}

void set_destination(MediaDescription& media, const Endpoint& destination) {
  media.port = destination.port;
  media.port_count = 1;
  media.connections = {
      Connection{"IN", destination.address.is_v6() ? "IP6" : "IP4", destination.address.without_scope().to_string()}};
}

void append(std::vector<Attribute>& to, const std::vector<Attribute>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

std::vector<Attribute> session_attributes(const Description& local) {
  std::vector<Attribute> attributes;
  if (local.lite) attributes.push_back({"ice-lite", ""});
  if (!local.options.empty()) {
    std::string options;
    for (const std::string& option : local.options) options += (options.empty() ? "" : " ") + option;
    attributes.push_back({"ice-options", std::move(options)});
  }
  // RFC 8839 §4.3.1: a lite implementation sends no checks, so it has no pace.
  if (local.pacing && !local.lite) attributes.push_back({"ice-pacing", std::to_string(local.pacing->count())});
  return attributes;
}

std::string remote_candidates_value(const std::vector<RemoteCandidate>& remote) {
  std::string value;
  for (const RemoteCandidate& one : remote) {
    if (!value.empty()) value += ' ';
    value += std::to_string(static_cast<std::uint16_t>(one.component)) + ' ' +
             one.endpoint.address.without_scope().to_string() + ' ' + std::to_string(one.endpoint.port);
  }
  return value;
}

void drop_candidates(std::vector<Attribute>& attributes) {
  std::erase_if(attributes, [](const Attribute& attribute) {
    return attribute.name == "candidate" || attribute.name == "end-of-candidates";
  });
}

}  // namespace

std::string mid_of(const StreamDescription& stream, std::size_t index) {
  return stream.mid.empty() ? std::to_string(index) : stream.mid;
}

std::vector<Attribute> stream_attributes(const Description& local, const StreamDescription& stream, std::string mid) {
  std::vector<Attribute> attributes;
  attributes.push_back({"ice-ufrag", local.ufrag});
  attributes.push_back({"ice-pwd", local.password});
  attributes.push_back({"mid", std::move(mid)});  // RFC 8840 §4.4: right before the candidates
  for (const Candidate& candidate : stream.candidates) {
    attributes.push_back({"candidate", candidate_value(candidate)});
  }
  if (stream.end_of_candidates) attributes.push_back({"end-of-candidates", ""});
  return attributes;
}

SessionDescription make_offer(const Description& local, const OfferOptions& options) {
  assert(validate_credentials(local));
  SessionDescription offer;
  offer.origin = origin_or_default(options.origin, local);
  offer.attributes = session_attributes(local);
  append(offer.attributes, options.attributes);
  for (std::size_t index = 0; index < local.streams.size(); ++index) {
    const StreamDescription& stream = local.streams[index];
    MediaDescription media = options.media;
    set_destination(media, index == 0 && options.default_destination
                               ? *options.default_destination
                               : default_destination(stream, transport_of(media.protocol)));
    media.attributes = stream_attributes(local, stream, mid_of(stream, index));
    if (index == 0 && !options.remote_candidates.empty()) {
      media.attributes.push_back({"remote-candidates", remote_candidates_value(options.remote_candidates)});
    }
    append(media.attributes, options.media.attributes);
    offer.media.push_back(std::move(media));
  }
  return offer;
}

std::string format(const Description& local, const OfferOptions& options) { return format(make_offer(local, options)); }

SessionDescription make_answer(const SessionDescription& offer, const Description& local,
                               const AnswerOptions& options) {
  assert(validate_credentials(local));
  SessionDescription answer;
  answer.origin = origin_or_default(options.origin, local);
  answer.times = offer.times;  // RFC 3264 §6: equal to the offer's
  answer.attributes = session_attributes(local);
  append(answer.attributes, options.attributes);
  std::size_t accepted = 0;
  for (std::size_t index = 0; index < offer.media.size(); ++index) {
    const MediaDescription& offered = offer.media[index];
    const auto mid = find_attribute(offered.attributes, "mid");
    MediaDescription media;
    media.media = offered.media;
    media.protocol = offered.protocol;
    media.formats = offered.formats;
    if (offered.port == 0 || accepted == local.streams.size()) {
      set_destination(media, {Address::any(Family::ipv4), 0});
      if (mid) media.attributes.push_back({"mid", std::string{*mid}});
    } else {
      const StreamDescription& stream = local.streams[accepted];
      set_destination(media, accepted == 0 && options.default_destination
                                 ? *options.default_destination
                                 : default_destination(stream, transport_of(media.protocol)));
      media.attributes = stream_attributes(local, stream, mid ? std::string{*mid} : mid_of(stream, index));
      if (options.ice_mismatch) {
        drop_candidates(media.attributes);
        media.attributes.push_back({"ice-mismatch", ""});
      }
      append(media.attributes, options.media_attributes);
      ++accepted;
    }
    answer.media.push_back(std::move(media));
  }
  return answer;
}

}  // namespace ice::sdp
