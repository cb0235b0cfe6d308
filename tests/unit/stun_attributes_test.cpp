#include "ice/stun/attributes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "ice/stun/builder.hpp"
#include "ice/stun/message.hpp"
#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

using test::copy;
using test::from_hex;

constexpr TransactionId id{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

std::vector<std::uint8_t> header_of_message() { return from_hex("0001 0000 2112a442 0102030405060708090a0b0c"); }

/// Writes A into a message of its own: type, length, value and padding as they stand there.
template <Attribute A>
result<std::vector<std::uint8_t>> written(const typename A::value_type& value) {
  std::vector<std::uint8_t> out(2048);
  const auto built = Builder{out, Method::binding, Class::request, id}.add<A>(value).finish();
  if (!built) return fail(built.error());
  return copy(built->subspan(header_size));
}

template <Attribute A>
result<typename A::value_type> read(const std::vector<std::uint8_t>& value) {
  const auto header = header_of_message();
  return A::decode(value, HeaderBytes{header.data(), header_size});
}

template <Attribute A>
std::error_code reading_error(std::string_view hex) {
  const auto value = from_hex(hex);
  const auto header = header_of_message();
  const auto decoded = A::decode(value, HeaderBytes{header.data(), header_size});
  return decoded ? std::error_code{} : decoded.error();
}

template <Attribute A>
std::error_code writing_error(const typename A::value_type& value) {
  const auto attribute = written<A>(value);
  return attribute ? std::error_code{} : attribute.error();
}

/// The value is written as `hex` (type, length, value, padding), read back as it was, and refused where the buffer
/// ends one byte too early.
template <WritableAttribute A>
void expect_round_trip(const typename A::value_type& value, std::string_view hex) {
  const auto attribute = written<A>(value);
  ASSERT_TRUE(attribute) << A::name;
  EXPECT_EQ(*attribute, from_hex(hex)) << A::name;

  auto bytes = header_of_message();
  bytes.insert(bytes.end(), attribute->begin(), attribute->end());
  wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(attribute->size()));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message) << A::name;
  const auto decoded = message->get<A>();
  ASSERT_TRUE(decoded) << A::name << ": " << decoded.error().message();
  if constexpr (std::is_same_v<typename A::value_type, Bytes>) {
    EXPECT_EQ(copy(*decoded), copy(value)) << A::name;
  } else if constexpr (std::is_same_v<typename A::value_type, PasswordAlgorithmEntry>) {
    EXPECT_EQ(decoded->algorithm, value.algorithm);
    EXPECT_EQ(copy(decoded->parameters), copy(value.parameters));
  } else {
    EXPECT_EQ(*decoded, value) << A::name;
  }

  std::vector<std::uint8_t> out(bytes.size() - 1);
  EXPECT_EQ((Builder{out, Method::binding, Class::request, id}.template add<A>(value).finish().error()),
            errc::buffer_too_small)
      << A::name;
}

const Endpoint v4{Address::v4(192, 0, 2, 1), 0x1234};
const Endpoint v6 = *Endpoint::parse("[2001:db8::1]:4660");

template <WritableAttribute A>
void expect_plain_address() {
  char type[5];
  std::snprintf(type, sizeof type, "%04x", static_cast<unsigned>(A::type));
  expect_round_trip<A>(v4, std::string{type} + " 0008 0001 1234 c0000201");
  expect_round_trip<A>(v6, std::string{type} + " 0014 0002 1234 20010db8000000000000000000000001");
}

TEST(StunAttributes, PlainAddresses) {
  expect_plain_address<attr::MappedAddress>();
  expect_plain_address<attr::ResponseAddress>();
  expect_plain_address<attr::SourceAddress>();
  expect_plain_address<attr::ChangedAddress>();
  expect_plain_address<attr::ReflectedFrom>();
  expect_plain_address<attr::AlternateServer>();
  expect_plain_address<attr::ResponseOrigin>();
  expect_plain_address<attr::OtherAddress>();
}

template <WritableAttribute A>
void expect_xor_address() {
  char type[5];
  std::snprintf(type, sizeof type, "%04x", static_cast<unsigned>(A::type));
  expect_round_trip<A>(v4, std::string{type} + " 0008 0001 3326 e112a643");
  // The address is XOR-ed with the cookie and the transaction id 01 02 … 0c.
  expect_round_trip<A>(v6, std::string{type} + " 0014 0002 3326 0113a9fa 0102030405060708090a0b0d");
}

TEST(StunAttributes, XorAddresses) {
  expect_xor_address<attr::XorMappedAddress>();
  expect_xor_address<attr::XorPeerAddress>();
  expect_xor_address<attr::XorRelayedAddress>();
}

TEST(StunAttributes, Numbers) {
  expect_round_trip<attr::Priority>(0x6e0001ff, "0024 0004 6e0001ff");
  expect_round_trip<attr::ConnectionId>(1, "002a 0004 00000001");
  expect_round_trip<attr::CacheTimeout>(0xffffffff, "8027 0004 ffffffff");
  expect_round_trip<attr::Nomination>(3, "c001 0004 00000003");
  expect_round_trip<attr::IceControlled>(0x0123456789abcdef, "8029 0008 0123456789abcdef");
  expect_round_trip<attr::IceControlling>(0xfedcba9876543210, "802a 0008 fedcba9876543210");
  expect_round_trip<attr::Lifetime>(Seconds{600}, "000d 0004 00000258");
  expect_round_trip<attr::ChannelNumber>(0x4000, "000c 0004 40000000");
  expect_round_trip<attr::ResponsePort>(0x1234, "0027 0004 12340000");
}

TEST(StunAttributes, FlagsAndSmallStructures) {
  expect_round_trip<attr::UseCandidate>({}, "0025 0000");
  expect_round_trip<attr::DontFragment>({}, "001a 0000");
  expect_round_trip<attr::ChangeRequest>({true, false}, "0003 0004 00000004");
  expect_round_trip<attr::ChangeRequest>({false, true}, "0003 0004 00000002");
  expect_round_trip<attr::ChangeRequest>({}, "0003 0004 00000000");
  expect_round_trip<attr::EvenPort>({true}, "0018 0001 80000000");
  expect_round_trip<attr::EvenPort>({false}, "0018 0001 00000000");
  expect_round_trip<attr::RequestedTransport>(IpProtocol::udp, "0019 0004 11000000");
  expect_round_trip<attr::RequestedTransport>(IpProtocol::tcp, "0019 0004 06000000");
  expect_round_trip<attr::RequestedAddressFamily>(Family::ipv4, "0017 0004 01000000");
  expect_round_trip<attr::AdditionalAddressFamily>(Family::ipv6, "8000 0004 02000000");
  expect_round_trip<attr::Icmp>({3, 4, 1280}, "8004 0008 0000 03 04 00000500");
  expect_round_trip<attr::TransactionTransmitCounter>({2, 1}, "8025 0004 00000201");
  expect_round_trip<attr::ReservationToken>({1, 2, 3, 4, 5, 6, 7, 8}, "0022 0008 0102030405060708");
}

TEST(StunAttributes, Texts) {
  expect_round_trip<attr::Username>("alice", "0006 0005 616c696365000000");
  expect_round_trip<attr::Realm>("example.org", "0014 000b 6578616d706c652e6f726700");
  expect_round_trip<attr::Nonce>("nonce", "0015 0005 6e6f6e6365000000");
  expect_round_trip<attr::Software>("\xc3\xa9", "8022 0002 c3a90000");
  expect_round_trip<attr::AlternateDomain>("stun-1.example.org", "8003 0012 7374756e2d312e6578616d706c652e6f72670000");
  expect_round_trip<attr::ThirdPartyAuthorization>("auth", "802e 0004 61757468");
  expect_round_trip<attr::Password>("pass", "0007 0004 70617373");
}

TEST(StunAttributes, OpaqueBytes) {
  const auto value = from_hex("0001020304");
  expect_round_trip<attr::Data>(value, "0013 0005 0001020304000000");
  expect_round_trip<attr::Padding>(value, "0026 0005 0001020304000000");
  expect_round_trip<attr::AccessToken>(value, "001b 0005 0001020304000000");
  expect_round_trip<attr::MobilityTicket>(value, "8030 0005 0001020304000000");
  std::array<std::uint8_t, 32> hash{};
  hash[31] = 1;
  expect_round_trip<attr::Userhash>(hash, "001e 0020" + std::string(62, '0') + "01");
}

TEST(StunAttributes, ErrorsAndLists) {
  expect_round_trip<attr::ErrorCode>({ErrorCode::role_conflict, "Role Conflict"},
                                     "0009 0011 00000457 526f6c6520436f6e666c696374000000");
  expect_round_trip<attr::AddressErrorCode>({Family::ipv6, {ErrorCode::insufficient_capacity, "no"}},
                                            "8001 0006 02000508 6e6f0000");
  AttributeTypeList types;
  types.push_back(AttributeType{0x7f01});
  types.push_back(AttributeType{0x0002});
  types.push_back(AttributeType{0x7f01});
  expect_round_trip<attr::UnknownAttributes>(types, "000a 0004 7f010002");
  expect_round_trip<attr::PasswordAlgorithms>(PasswordAlgorithms::sha256_and_md5(), "8002 0008 0002000000010000");
  expect_round_trip<attr::PasswordAlgorithm>({PasswordAlgorithm::md5}, "001d 0004 00010000");
  const auto parameters = from_hex("aabbccddee");
  expect_round_trip<attr::PasswordAlgorithm>({stun::PasswordAlgorithm{0x8000}, parameters},
                                             "001d 000c 80000005 aabbccddee000000");
}

TEST(StunAttributes, NoReasonPhraseMeansTheRecommendedOne) {
  const auto attribute = written<attr::ErrorCode>({ErrorCode::stale_nonce});
  ASSERT_TRUE(attribute);
  EXPECT_EQ(*attribute, from_hex("0009 000f 00000426 5374616c65204e6f6e636500"));
}

TEST(StunAttributes, FixedSizesAreChecked) {
  const std::error_code malformed = make_error_code(errc::malformed_attribute);
  EXPECT_EQ(reading_error<attr::Priority>("000001"), malformed);
  EXPECT_EQ(reading_error<attr::Priority>("0000000100"), malformed);
  EXPECT_EQ(reading_error<attr::IceControlled>("00000001"), malformed);
  EXPECT_EQ(reading_error<attr::UseCandidate>("00"), malformed);
  EXPECT_EQ(reading_error<attr::ReservationToken>("00000000"), malformed);
  EXPECT_EQ(reading_error<attr::Userhash>("00000000"), malformed);
  EXPECT_EQ(reading_error<attr::ChannelNumber>("4000"), malformed);
  EXPECT_EQ(reading_error<attr::ResponsePort>("123400"), malformed);
  EXPECT_EQ(reading_error<attr::Lifetime>("0000"), malformed);
  EXPECT_EQ(reading_error<attr::RequestedAddressFamily>("01"), malformed);
  EXPECT_EQ(reading_error<attr::EvenPort>("80000000"), malformed);
  EXPECT_EQ(reading_error<attr::RequestedTransport>("11"), malformed);
  EXPECT_EQ(reading_error<attr::Icmp>("00000304"), malformed);
  EXPECT_EQ(reading_error<attr::ChangeRequest>("0000000000"), malformed);
  EXPECT_EQ(reading_error<attr::TransactionTransmitCounter>("0101"), malformed);
  EXPECT_EQ(reading_error<attr::MessageIntegrity>("00000000"), malformed);
  EXPECT_EQ(reading_error<attr::Fingerprint>("0000"), malformed);
  EXPECT_EQ(reading_error<attr::ErrorCode>("000004"), malformed);
  EXPECT_EQ(reading_error<attr::AddressErrorCode>("010004"), malformed);
  EXPECT_EQ(reading_error<attr::UnknownAttributes>("7f0100"), malformed);
  EXPECT_EQ(reading_error<attr::PasswordAlgorithm>(""), malformed);
  EXPECT_EQ(reading_error<attr::PasswordAlgorithm>("0001000000020000"), malformed);
  EXPECT_EQ(reading_error<attr::PasswordAlgorithm>("00010001"), malformed);
}

TEST(StunAttributes, AddressesHaveTheSizeOfTheirFamily) {
  for (const std::string_view wrong :
       {"", "000112", "0001 1234", "0001 1234 c00002", "0001 1234 c000020100", "0002 1234 c0000201",
        "0002 1234 20010db80000000000000000000000", "0002 1234 20010db800000000000000000000000100"}) {
    EXPECT_EQ(reading_error<attr::MappedAddress>(wrong), errc::malformed_attribute) << wrong;
    EXPECT_EQ(reading_error<attr::XorMappedAddress>(wrong), errc::malformed_attribute) << wrong;
  }
}

TEST(StunAttributes, UnknownFamiliesAreToldApart) {
  EXPECT_EQ(reading_error<attr::MappedAddress>("0000 1234 c0000201"), errc::unknown_address_family);
  EXPECT_EQ(reading_error<attr::XorPeerAddress>("0003 1234"), errc::unknown_address_family);
  EXPECT_EQ(reading_error<attr::RequestedAddressFamily>("03000000"), errc::unknown_address_family);
  EXPECT_EQ(reading_error<attr::AddressErrorCode>("03000428"), errc::unknown_address_family);
}

// "MUST be set to 0 and MUST be ignored by receivers", in each attribute that has such bits.
TEST(StunAttributes, ReservedBitsAreIgnored) {
  EXPECT_EQ(*read<attr::MappedAddress>(from_hex("ff01 1234 c0000201")), v4);
  EXPECT_EQ(*read<attr::ChannelNumber>(from_hex("4000ffff")), 0x4000);
  EXPECT_EQ(*read<attr::ResponsePort>(from_hex("1234ffff")), 0x1234);
  EXPECT_EQ(*read<attr::RequestedAddressFamily>(from_hex("01ffffff")), Family::ipv4);
  EXPECT_EQ(*read<attr::EvenPort>(from_hex("ff")), EvenPort{true});
  EXPECT_EQ(*read<attr::EvenPort>(from_hex("7f")), EvenPort{false});
  EXPECT_EQ(*read<attr::RequestedTransport>(from_hex("11ffffff")), IpProtocol::udp);
  EXPECT_EQ(*read<attr::Icmp>(from_hex("ffff030400000000")), (IcmpError{3, 4, 0}));
  EXPECT_EQ(*read<attr::ChangeRequest>(from_hex("fffffff9")), ChangeRequest{});
  EXPECT_EQ(*read<attr::TransactionTransmitCounter>(from_hex("ffff0102")), (TransmitCounter{1, 2}));
  EXPECT_EQ(read<attr::ErrorCode>(from_hex("fffffc00"))->code, ErrorCode::bad_request);
  EXPECT_EQ(read<attr::AddressErrorCode>(from_hex("01fffd08"))->error.code, ErrorCode::insufficient_capacity);
}

// RFC 5780 §7.5 can be read both ways.
TEST(StunAttributes, ResponsePortIsReadWithAndWithoutItsPadding) {
  EXPECT_EQ(*read<attr::ResponsePort>(from_hex("1234")), 0x1234);
  EXPECT_EQ(*read<attr::ResponsePort>(from_hex("12340000")), 0x1234);
}

TEST(StunAttributes, ErrorCodesAreThreeHundredToSixHundredNinetyNine) {
  EXPECT_EQ(to_number(read<attr::ErrorCode>(from_hex("00000300"))->code), 300U);
  EXPECT_EQ(to_number(read<attr::ErrorCode>(from_hex("00000663"))->code), 699U);
  EXPECT_EQ(reading_error<attr::ErrorCode>("00000200"), errc::malformed_attribute);
  EXPECT_EQ(reading_error<attr::ErrorCode>("00000700"), errc::malformed_attribute);
  EXPECT_EQ(reading_error<attr::ErrorCode>("00000464"), errc::malformed_attribute);
  EXPECT_EQ(writing_error<attr::ErrorCode>({stun::ErrorCode{299}}), errc::invalid_argument);
  EXPECT_EQ(writing_error<attr::ErrorCode>({stun::ErrorCode{700}}), errc::invalid_argument);
  EXPECT_FALSE(writing_error<attr::ErrorCode>({stun::ErrorCode{699}}));
}

// The code decides; a phrase is for people.
TEST(StunAttributes, AStrangeReasonPhraseDoesNotSpoilTheCode) {
  EXPECT_EQ(*read<attr::ErrorCode>(from_hex("00000401 ff")), (Error{ErrorCode::unauthenticated, ""}));
  auto long_one = from_hex("00000401");
  long_one.resize(4 + 764, 'a');
  EXPECT_EQ(*read<attr::ErrorCode>(long_one), (Error{ErrorCode::unauthenticated, ""}));
  long_one.resize(4 + 763);
  EXPECT_EQ(read<attr::ErrorCode>(long_one)->reason.size(), 763U);
}

std::string times(std::size_t count, std::string_view character) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += character;
  return text;
}
constexpr std::string_view four_bytes = "\xf0\x9f\xa7\x8a";  // U+1F9CA

// RFC 8489 §14.3.
TEST(StunAttributes, UsernamesHaveUpTo508BytesAndAreReadUpTo763) {
  EXPECT_FALSE(writing_error<attr::Username>(std::string(508, 'u')));
  EXPECT_EQ(writing_error<attr::Username>(std::string(509, 'u')), errc::text_too_long);
  EXPECT_EQ(writing_error<attr::Username>("\xff"), errc::bad_text);
  const std::vector<std::uint8_t> longest(763, 'u');
  const std::vector<std::uint8_t> too_long(764, 'u');
  EXPECT_EQ(read<attr::Username>(longest)->size(), 763U);
  EXPECT_EQ(read<attr::Username>(too_long).error(), errc::text_too_long);
  EXPECT_EQ(reading_error<attr::Username>("ff"), errc::bad_text);
}

// RFC 8489 §14.9, §14.10, §14.14: fewer than 128 characters, which are up to 508 bytes.
template <WritableAttribute A>
void expect_phrase_limits() {
  EXPECT_FALSE(writing_error<A>(times(127, "a")));
  EXPECT_FALSE(writing_error<A>(times(127, four_bytes)));
  EXPECT_EQ(writing_error<A>(times(128, "a")), errc::text_too_long);
  EXPECT_EQ(writing_error<A>(times(128, four_bytes)), errc::text_too_long);
  EXPECT_EQ(read<A>(std::vector<std::uint8_t>(763, 'a'))->size(), 763U);
  EXPECT_EQ(read<A>(std::vector<std::uint8_t>(764, 'a')).error(), errc::text_too_long);
}

TEST(StunAttributes, PhrasesHaveFewerThan128Characters) {
  expect_phrase_limits<attr::Realm>();
  expect_phrase_limits<attr::Nonce>();
  expect_phrase_limits<attr::Software>();
  EXPECT_EQ(writing_error<attr::ErrorCode>({ErrorCode::bad_request, times(128, "a")}), errc::text_too_long);
  EXPECT_EQ(writing_error<attr::Realm>("\xc3"), errc::bad_text);
  EXPECT_EQ(reading_error<attr::Realm>("c3"), errc::bad_text);
  EXPECT_EQ(reading_error<attr::Software>("eda080"), errc::bad_text);  // a surrogate
  EXPECT_EQ(reading_error<attr::Software>("c080"), errc::bad_text);    // a NUL written long
}

// A client only sends it back.
TEST(StunAttributes, ANonceNeedNotBeText) {
  const auto nonce = from_hex("ff00fe");
  const auto value = read<attr::Nonce>(nonce);
  ASSERT_TRUE(value);
  EXPECT_FALSE(writing_error<attr::Nonce>(*value));
  EXPECT_EQ(writing_error<attr::Nonce>(times(128, "\xff")), errc::text_too_long);
}

// RFC 8489 §14.16.
TEST(StunAttributes, AlternateDomainIsADnsName) {
  for (const std::string_view good : {"a", "example.org", "example.org.", "xn--bcher-kva.example", "1.2.3"})
    EXPECT_FALSE(writing_error<attr::AlternateDomain>(good)) << good;
  for (const std::string& bad :
       {std::string{""}, std::string{"."}, std::string{"a..b"}, std::string{"-a.b"}, std::string{"a-.b"},
        std::string{"b\xc3\xbc"}, std::string{"a b"}, std::string{"a_b"}, std::string(64, 'a')})
    EXPECT_EQ(writing_error<attr::AlternateDomain>(bad), errc::bad_text) << bad;
  const std::string longest = times(63, "abc.") + "abc";
  ASSERT_EQ(longest.size(), 255U);
  EXPECT_FALSE(writing_error<attr::AlternateDomain>(longest));
  EXPECT_EQ(writing_error<attr::AlternateDomain>(longest + "d"), errc::text_too_long);
  EXPECT_EQ(reading_error<attr::AlternateDomain>("20"), errc::bad_text);
}

TEST(StunAttributes, WhatHasNoValueCannotBeWritten) {
  EXPECT_EQ(writing_error<attr::XorMappedAddress>(Endpoint{}), errc::invalid_argument);
  EXPECT_EQ(writing_error<attr::RequestedAddressFamily>(Family::none), errc::invalid_argument);
  EXPECT_EQ(writing_error<attr::AddressErrorCode>({Family::none, {ErrorCode::bad_request}}), errc::invalid_argument);
  EXPECT_EQ(writing_error<attr::PasswordAlgorithms>({}), errc::invalid_argument);
}

TEST(StunAttributes, UnknownAttributesAreReadAsFarAsTheListHolds) {
  std::vector<std::uint8_t> value;
  for (std::uint8_t i = 0; i < 2 * AttributeTypeList::capacity; ++i) {
    value.push_back(0x7f);
    value.push_back(i);
  }
  EXPECT_EQ(read<attr::UnknownAttributes>(value)->size(), AttributeTypeList::capacity);
}

TEST(StunAttributeTable, IsSortedAndEveryTypeFindsItself) {
  std::set<std::string_view> names;
  for (std::size_t slot = 0; slot < known_attributes.size(); ++slot) {
    const AttributeInfo& info = known_attributes[slot];
    if (slot > 0) {
      EXPECT_LT(known_attributes[slot - 1].type, info.type);
    }
    EXPECT_EQ(slot_of(info.type), slot);
    EXPECT_EQ(attribute_name(info.type), info.name);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_FALSE(info.section.empty());
  }
}

TEST(StunAttributeTable, AllOtherTypesAreUnknown) {
  std::size_t known = 0;
  for (unsigned type = 0; type <= 0xffff; ++type)
    if (slot_of(AttributeType{static_cast<std::uint16_t>(type)}) != no_slot) ++known;
  EXPECT_EQ(known, known_attributes.size());
  EXPECT_EQ(attribute_name(AttributeType{0xc0de}), "");
}

TEST(StunAttributeTable, HalfOfTheRangeIsComprehensionRequired) {
  EXPECT_TRUE(is_comprehension_required(AttributeType{0x7fff}));
  EXPECT_FALSE(is_comprehension_required(AttributeType{0x8000}));
}

TEST(StunAttributeTable, SetsHaveWhatWasPutIn) {
  constexpr AttributeSet set = AttributeSet::of<attr::Priority, attr::Nomination>();
  static_assert(set.contains(attr::Priority::type));
  static_assert(set.contains(attr::Nomination::type));
  static_assert(!set.contains(attr::UseCandidate::type));
  static_assert(!set.without(AttributeSet::of<attr::Priority>()).contains(attr::Priority::type));
  static_assert(AttributeSet::current().contains(attr::ChangeRequest::type));
  static_assert(!AttributeSet::current().contains(attr::ReflectedFrom::type));
  EXPECT_FALSE(set.contains(AttributeType{0xc0de}));
}

}  // namespace
}  // namespace ice::stun
