#include <utility>

#include "turn/server_impl.hpp"

namespace ice::turn {

using stun::Builder;
using stun::ErrorCode;
using stun::PasswordAlgorithm;
using stun::PasswordAlgorithms;
namespace attr = stun::attr;

namespace {

Endpoint client_of(const ServerRequest& request) noexcept { return request.in.from.canonical(); }

}  // namespace

Received Server::Impl::silence() noexcept { return drop(counters.silenced, Verdict::unauthenticated); }

/// Anyone can spend what a forged source has. So a source that certainly is one has a budget of its own, and whoever
/// comes by a connection, or with the nonce that was sent to him, is not silenced by those who forge his address.
FailureBudget& Server::Impl::budget_of(const ServerRequest& request) noexcept {
  return request.reachable ? reachable : forgeable;
}

Received Server::Impl::refuse_stranger(const ServerRequest& request, ErrorCode code, std::uint64_t& counter) {
  if (!budget_of(request).spend(request.now, source_of(request.in.from.address))) return silence();
  return write_refusal(request, code, counter);
}

Received Server::Impl::write_refusal(const ServerRequest& request, ErrorCode code, std::uint64_t& counter) {
  ++counter;
  ++counters.errors;
  Builder response = Builder::response(request.scratch, request.message, stun::Class::error_response);
  // RFC 8489 §14.8: the reason phrase is for people; nobody reads this one. Without it, and without SOFTWARE, an answer
  // to a forged source is hardly worth asking for.
  const unsigned number = stun::to_number(code);
  const std::array<std::uint8_t, 4> error{0, 0, static_cast<std::uint8_t>(number / 100),
                                          static_cast<std::uint8_t>(number % 100)};
  response.add_raw(attr::ErrorCode::type, error);
  if (code != ErrorCode::bad_request) {  // RFC 8489 §9.2.4: what a 400 should not have
    const Nonces::Text nonce = nonces.make(request.now, client_of(request));
    response.add<attr::Realm>(users.realm())
        .add<attr::Nonce>({nonce.data(), nonce.size()})
        .add<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5());
    // RFC 7635 §6.1. A 438 is for who has read it in a 401.
    if (third_party.offered() && code == ErrorCode::unauthenticated)
      response.add<attr::ThirdPartyAuthorization>(third_party.server_name());
  }
  if (request.fingerprint) response.fingerprint();
  return respond(request, response.finish());
}

/// RFC 8489 §9.2.4: how the key is made. An error is to be answered with 400.
result<PasswordAlgorithm> Server::Impl::algorithm_of(const stun::Message& request, std::string_view nonce) noexcept {
  const auto features = stun::read_nonce_cookie(nonce);
  if (!features || !features->has(stun::SecurityFeatures::password_algorithms)) return PasswordAlgorithm::md5;
  return stun::check_password_algorithm(request, PasswordAlgorithms::sha256_and_md5());
}

/// The allocation that the request is about: that of its 5-tuple, or what its ticket or CONNECTION-ID tells.
const ServerAllocation* Server::Impl::owner_of(const ServerRequest& request) noexcept {
  if (request.allocation != nullptr) return request.allocation;
  const auto id = request.message.get<attr::ConnectionId>();
  const PeerConnection* const connection = id ? peer_connections.find(ConnectionId{*id}) : nullptr;
  return connection != nullptr ? table.find(connection->allocation) : find_by_ticket(request.message);
}

result<Users::Proof> Server::Impl::prove(const ServerRequest& request, const std::string& name,
                                         PasswordAlgorithm algorithm) {
  // RFC 7635 §9: only these two have it. Whoever shows one is as good as that, whatever he could show before.
  const stun::Method method = request.message.method();
  const bool may_have_token = method == stun::Method::allocate || method == stun::Method::refresh;
  if (third_party.offered() && may_have_token && request.message.has<attr::AccessToken>())
    return third_party.authenticate(request.now, request.message, name);
  // An allocation knows the key of its client, whose name may have come to its end meanwhile (RFC 8656 §6).
  const ServerAllocation* const own = owner_of(request);
  if (own != nullptr && own->name == name && own->algorithm == algorithm) {
    if (const auto covered = request.message.authenticate(own->key))
      return Users::Proof{*covered, own->key, own->account->user, name};
  }
  return users.authenticate(request.now, request.message, name, algorithm);
}

/// RFC 8489 §9.2.4, check by check.
result<ProvenRequest, Received> Server::Impl::authenticate(const ServerRequest& request) {
  const stun::Message& message = request.message;
  if (message.integrity() == stun::Integrity::none)
    return fail(refuse_stranger(request, ErrorCode::unauthenticated, counters.challenges));

  // Whoever guesses passwords learns nothing once the budget is spent, not even from the right one. The owner of an
  // allocation goes on, or else anyone behind his NAT could end his calls. Names are read last: PRECIS takes its time.
  const bool spent = budget_of(request).empty(request.now, source_of(request.in.from.address));
  if (spent && request.allocation == nullptr) return fail(silence());
  const result<std::string> name = users.name_in(message);
  const bool owner = request.allocation != nullptr && name && request.allocation->name == *name;
  if (spent && !owner) return fail(silence());

  const auto bad_request = [&] {
    return fail(refuse_stranger(request, ErrorCode::bad_request, counters.authentication_failures));
  };
  const auto nonce = message.get<attr::Nonce>();
  const bool named = message.has<attr::Username>() || message.has<attr::Userhash>();
  if (!named || !message.has<attr::Realm>() || !nonce) return bad_request();
  const result<PasswordAlgorithm> algorithm = algorithm_of(message, *nonce);
  if (!algorithm) return bad_request();

  result<Users::Proof> proof = name ? prove(request, *name, *algorithm) : users.refuse(message);
  if (!proof) return fail(refuse_stranger(request, ErrorCode::unauthenticated, counters.authentication_failures));
  if (!request.fresh_nonce) {
    // The owner of an allocation gets his nonce from no budget that others can spend. Whoever repeats an old request of
    // his only sends him an answer that is hardly longer.
    const ServerAllocation* const own = owner_of(request);
    if (own != nullptr && own->account->user == proof->user)
      return fail(write_refusal(request, ErrorCode::stale_nonce, counters.stale_nonces));
    return fail(refuse_stranger(request, ErrorCode::stale_nonce, counters.stale_nonces));
  }

  // A request of RFC 5389 is answered as RFC 5389 has it.
  const bool sha256 = message.has<attr::PasswordAlgorithm>() ||
                      (proof->user.kind == UserId::Kind::token && message.integrity() == stun::Integrity::sha256);
  ProvenRequest proven{request,          proof->key, *algorithm, sha256, std::move(proof->user), std::move(proof->name),
                       proof->good_until};
  proven.message = proof->covered;
  return proven;
}

}  // namespace ice::turn
