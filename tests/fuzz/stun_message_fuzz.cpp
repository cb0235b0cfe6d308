// STUN messages: whatever the bytes are, each attribute that the library knows can be asked for; what is read is
// written so that it reads the same; and what is built of it is a message, signed by who has the key and by nobody
// else.

#include <algorithm>
#include <array>
#include <vector>

#include "fuzz/check.hpp"
#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

template <class... A>
struct TypeSequence {
  static constexpr std::size_t size = sizeof...(A);
  static void for_each(auto visit) { (visit.template operator()<A>(), ...); }
};

using KnownAttributes = TypeSequence<
    attr::MappedAddress, attr::ResponseAddress, attr::ChangeRequest, attr::SourceAddress, attr::ChangedAddress,
    attr::Username, attr::Password, attr::MessageIntegrity, attr::ErrorCode, attr::UnknownAttributes,
    attr::ReflectedFrom, attr::ChannelNumber, attr::Lifetime, attr::XorPeerAddress, attr::Data, attr::Realm,
    attr::Nonce, attr::XorRelayedAddress, attr::RequestedAddressFamily, attr::EvenPort, attr::RequestedTransport,
    attr::DontFragment, attr::AccessToken, attr::MessageIntegritySha256, attr::PasswordAlgorithm, attr::Userhash,
    attr::XorMappedAddress, attr::ReservationToken, attr::Priority, attr::UseCandidate, attr::Padding,
    attr::ResponsePort, attr::ConnectionId, attr::AdditionalAddressFamily, attr::AddressErrorCode,
    attr::PasswordAlgorithms, attr::AlternateDomain, attr::Icmp, attr::Software, attr::AlternateServer,
    attr::TransactionTransmitCounter, attr::CacheTimeout, attr::Fingerprint, attr::IceControlled, attr::IceControlling,
    attr::ResponseOrigin, attr::OtherAddress, attr::ThirdPartyAuthorization, attr::MobilityTicket, attr::Nomination>;
static_assert(KnownAttributes::size == known_attributes.size());

bool same_bytes(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

/// A value that was read is written, read again and written again, and both times the bytes are the same. Values that
/// may be received but not sent (RFC 8489 §14: long texts of RFC 5389's time) are the exception that encode() tells.
template <Attribute A>
void check_value(const Message& message) {
  const auto value = message.get<A>();
  ICE_FUZZ_CHECK(message.has<A>() || value.error() == errc::no_such_attribute);
  if constexpr (WritableAttribute<A>) {
    if (!value) return;
    static std::array<std::uint8_t, max_message_size> once;
    static std::array<std::uint8_t, max_message_size> twice;
    const auto written = A::encode(*value, message.header(), once);
    if (!written) {
      ICE_FUZZ_CHECK(written.error() == errc::text_too_long);
      return;
    }
    const auto read = A::decode(Bytes{once}.first(*written), message.header());
    ICE_FUZZ_CHECK(read.has_value());
    const auto again = A::encode(*read, message.header(), twice);
    // A phrase that fills its limit passes it with the spaces of RFC 3489 §11.2.9.
    if (message.is_classic() && !again) return;
    ICE_FUZZ_CHECK(again && same_bytes(Bytes{once}.first(*written), Bytes{twice}.first(*again)));
  }
}

void check_structure(const Message& message) {
  const Bytes bytes = message.bytes();
  const std::uint8_t* at = bytes.data() + header_size;
  std::size_t required = 0;
  for (const RawAttribute raw : message.attributes()) {
    ICE_FUZZ_CHECK(raw.value.data() == at + 4 && raw.value.data() + raw.value.size() <= bytes.data() + bytes.size());
    at = raw.value.data() + (raw.value.size() + 3) / 4 * 4;
    ICE_FUZZ_CHECK(raw.type != attr::Fingerprint::type && raw.type != attr::MessageIntegrity::type &&
                   raw.type != attr::MessageIntegritySha256::type);
    if (is_comprehension_required(raw.type)) ++required;
  }
  ICE_FUZZ_CHECK(message.unknown_required(AttributeSet{}).size() <= required);
  if (message.check_fingerprint()) ICE_FUZZ_CHECK(message.has<attr::Fingerprint>());
}

void check_authentication(const Message& message, const Credential& stranger) {
  const auto trusted = message.authenticate(stranger, 16);
  // Nobody guesses a MAC: not the fuzzer either.
  ICE_FUZZ_CHECK(!trusted);
  ICE_FUZZ_CHECK((trusted.error() == errc::no_integrity) == (message.integrity() == Integrity::none));
}

/// The message again, signed with a key.
void check_rebuilt(const Message& message, const Credential& key, const Credential& stranger, bool sha256) {
  static std::array<std::uint8_t, max_message_size> out;
  Builder builder = Builder::response(out, message, message.message_class());
  for (const RawAttribute raw : message.attributes()) builder.add_raw(raw.type, raw.value);
  if (sha256) {
    builder.integrity_sha256(key);
  } else {
    builder.integrity(key);
  }
  const auto bytes = builder.fingerprint().finish();
  if (!bytes) {
    ICE_FUZZ_CHECK(bytes.error() == errc::buffer_too_small);
    return;
  }
  const auto again = message.is_classic() ? Message::parse_classic(*bytes) : Message::parse(*bytes);
  ICE_FUZZ_CHECK(again && again->is(message.method(), message.message_class()));
  ICE_FUZZ_CHECK(again->transaction_id() == message.transaction_id());
  auto theirs = message.attributes().begin();
  for (const RawAttribute raw : again->attributes()) {
    ICE_FUZZ_CHECK(raw.type == (*theirs).type && same_bytes(raw.value, (*theirs).value));
    ++theirs;
  }
  ICE_FUZZ_CHECK(theirs == message.attributes().end());
  ICE_FUZZ_CHECK(again->check_fingerprint());

  const auto trusted = again->authenticate(key);
  ICE_FUZZ_CHECK(trusted.has_value() == !message.is_classic());  // RFC 3489 signed differently
  if (trusted) ICE_FUZZ_CHECK(trusted->is_authenticated() && !trusted->has<attr::Fingerprint>());
  ICE_FUZZ_CHECK(again->authenticate(stranger).error() == errc::wrong_integrity);
}

void check_message(Bytes data) {
  static const Credential key = *Credential::short_term("the key");
  static const Credential stranger = *Credential::short_term("the key of somebody else");
  const auto modern = Message::parse(data);
  const auto classic = Message::parse_classic(data);
  ICE_FUZZ_CHECK(!modern || !classic);
  if (!modern && !classic) return;
  const Message& message = modern ? *modern : *classic;
  ICE_FUZZ_CHECK(message.is_classic() == classic.has_value());
  ICE_FUZZ_CHECK(message.bytes().data() == data.data() && message.bytes().size() == data.size());
  ICE_FUZZ_CHECK(is_stun(data) == modern.has_value());
  check_structure(message);
  KnownAttributes::for_each([&]<class A>() { check_value<A>(message); });
  check_authentication(message, stranger);
  check_rebuilt(message, key, stranger, (data.size() & 4) != 0);
}

/// The bytes with a header that fits them, so that not all time is spent on guessing it.
std::vector<std::uint8_t> with_header(Bytes data) {
  std::vector<std::uint8_t> bytes{data.begin(), data.begin() + static_cast<std::ptrdiff_t>(data.size() / 4 * 4)};
  bytes.resize(std::clamp(bytes.size(), header_size, max_message_size));
  bytes[0] &= 0x3f;
  wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(bytes.size() - header_size));
  wire::store_u32(bytes.data() + 4, magic_cookie);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_message({data, size});
  check_message(with_header({data, size}));
  return 0;
}
