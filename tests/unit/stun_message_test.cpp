#include "ice/stun/message.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/crypto.hpp"
#include "ice/stun/builder.hpp"
#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

using test::copy;
using test::from_hex;

using Buffer = std::vector<std::uint8_t>;

/// A message of attributes that are written by hand: header, and the length that is right for them.
Buffer message_of(std::string_view attributes, std::string_view type = "0001") {
  Buffer bytes = from_hex(type);
  const Buffer body = from_hex(attributes);
  const Buffer rest = from_hex("0000 2112a442 000102030405060708090a0b");
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  bytes.insert(bytes.end(), body.begin(), body.end());
  wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(body.size()));
  return bytes;
}

constexpr std::string_view priority_1 = "0024 0004 00000001";
constexpr std::string_view priority_2 = "0024 0004 00000002";

std::string text(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) all.append(part).append(" ");
  return all;
}

const Credential& credential() {
  static const Credential credential = *Credential::short_term("swordfish");
  return credential;
}

/// Puts the MAC that is right for it into the integrity attribute which begins at `at`.
void sign(Buffer& bytes, std::size_t at) {
  const std::size_t size = wire::load_u16(bytes.data() + at + 2);
  Buffer covered(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  covered.resize(at + 64);
  // Builder signs only what it wrote, so a message of the same covered bytes is made of raw attributes.
  TransactionId id;
  std::copy_n(bytes.begin() + 8, 12, id.bytes.begin());
  Builder builder{covered, Method::binding, Class::request, id};
  for (std::size_t next = header_size; next < at;) {
    const std::size_t length = wire::load_u16(bytes.data() + next + 2);
    builder.add_raw(AttributeType{wire::load_u16(bytes.data() + next)}, Bytes{bytes}.subspan(next + 4, length));
    next += 4 + (length + 3) / 4 * 4;
  }
  if (bytes[at + 1] == 0x08) {
    builder.integrity(credential());
  } else {
    builder.integrity_sha256(credential(), size);
  }
  const Bytes built = *builder.finish();
  std::copy_n(built.begin() + static_cast<std::ptrdiff_t>(at) + 4, size,
              bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4);
}

constexpr std::string_view sha1_header = "0008 0014 0000000000000000000000000000000000000000";
constexpr std::string_view sha256_header = "001c 0020 0000000000000000000000000000000000000000000000000000000000000000";

TEST(StunMessage, ReadsTheHeader) {
  const Buffer bytes = message_of("", "0113");
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->method(), Method::allocate);
  EXPECT_EQ(message->message_class(), Class::error_response);
  EXPECT_TRUE(message->is(Method::allocate, Class::error_response));
  EXPECT_FALSE(message->is(Method::allocate, Class::request));
  EXPECT_EQ(message->transaction_id(), (TransactionId{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}));
  EXPECT_EQ(copy(message->bytes()), bytes);
  EXPECT_FALSE(message->is_classic());
  EXPECT_EQ(message->attributes().begin(), message->attributes().end());
}

TEST(StunMessage, RefusesWhatHasNoHeader) {
  const Buffer good = message_of("");
  for (std::size_t size = 0; size < header_size; ++size)
    EXPECT_EQ(Message::parse(Bytes{good}.first(size)).error(), errc::not_stun);
  for (const unsigned first : {0x40U, 0x80U, 0xc0U}) {
    Buffer bytes = good;
    bytes[0] = static_cast<std::uint8_t>(first);
    EXPECT_EQ(Message::parse(bytes).error(), errc::not_stun);
  }
  Buffer bytes = good;
  bytes[7] = 0x43;
  EXPECT_EQ(Message::parse(bytes).error(), errc::not_stun);
}

TEST(StunMessage, RefusesEveryPrefixAndEveryExtension) {
  Buffer bytes = test::sample_request();
  for (std::size_t size = header_size; size < bytes.size(); ++size)
    EXPECT_EQ(Message::parse(Bytes{bytes}.first(size)).error(), errc::truncated);
  bytes.push_back(0);
  EXPECT_EQ(Message::parse(bytes).error(), errc::trailing_bytes);
}

TEST(StunMessage, RefusesALengthThatIsNoMultipleOfFour) {
  for (const unsigned odd : {1U, 2U, 3U}) {
    Buffer bytes = message_of(priority_1);
    bytes[3] = static_cast<std::uint8_t>(bytes[3] + odd);
    EXPECT_EQ(Message::parse(bytes).error(), errc::malformed_message) << "whether or not as much follows";
    bytes.resize(bytes.size() + odd);
    EXPECT_EQ(Message::parse(bytes).error(), errc::malformed_message);
  }
}

// Each length that an attribute can claim, in each of the places: accepted exactly if the attribute ends inside.
TEST(StunMessage, RefusesAttributesThatRunPastTheEnd) {
  for (const std::size_t at : {header_size, header_size + 8}) {
    Buffer bytes = message_of(text({priority_1, "8022 0004 61626364"}));
    for (unsigned length = 0; length <= 0xffff; ++length) {
      wire::store_u16(bytes.data() + at + 2, static_cast<std::uint16_t>(length));
      const auto message = Message::parse(bytes);
      const std::size_t end = at + 4 + (length + 3) / 4 * 4;
      if (end > bytes.size()) {
        ASSERT_EQ(message.error(), errc::malformed_message) << length;
      } else if (end == bytes.size()) {
        ASSERT_TRUE(message) << length;
      }
    }
  }
}

TEST(StunMessage, TheLargestMessageIsRead) {
  Buffer bytes(max_message_size);
  Buffer value(max_message_size - header_size - 4 - 24);
  const auto built =
      Builder{bytes, Method::binding, Class::request, {}}.add<attr::Padding>(value).integrity(credential()).finish();
  ASSERT_TRUE(built);
  ASSERT_EQ(built->size(), max_message_size);
  const auto message = Message::parse(*built);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->authenticate(credential()));
}

// RFC 8489 §14.
TEST(StunMessage, FirstOfSeveralCountsAndTheOthersCanBeSeen) {
  const Buffer bytes = message_of(text({priority_1, priority_2}));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(*message->get<attr::Priority>(), 1U);
  std::vector<std::uint32_t> all;
  for (const RawAttribute raw : message->attributes())
    if (raw.type == attr::Priority::type) all.push_back(*attr::Priority::decode(raw.value, message->header()));
  EXPECT_EQ(all, (std::vector<std::uint32_t>{1, 2}));
}

TEST(StunMessage, PaddingBytesDoNotMatter) {
  const Buffer bytes = message_of("0006 0001 41ffffff 8022 0003 616263ee");
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(*message->get<attr::Username>(), "A");
  EXPECT_EQ(*message->get<attr::Software>(), "abc");
}

TEST(StunMessage, AbsentAttributesAreToldApartFromMalformedOnes) {
  const Buffer bytes = message_of("0024 0003 00000000");
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has<attr::Priority>());
  EXPECT_EQ(message->get<attr::Priority>().error(), errc::malformed_attribute);
  EXPECT_FALSE(message->has<attr::IceControlled>());
  EXPECT_EQ(message->get<attr::IceControlled>().error(), errc::no_such_attribute);
}

// One strange value spoils its attribute alone.
TEST(StunMessage, UnknownAddressFamilyIsNotFatal) {
  const Buffer bytes = message_of(text({"0020 0008 00030001 01020304", priority_1}), "0101");
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->get<attr::XorMappedAddress>().error(), errc::unknown_address_family);
  EXPECT_EQ(*message->get<attr::Priority>(), 1U);
}

struct Application : codec::Uint32 {
  static constexpr AttributeType type{0xc0de};
  static constexpr std::string_view name = "APPLICATION";
};

TEST(StunMessage, AttributesOfAnApplicationAreFoundToo) {
  const Buffer bytes = message_of(text({priority_1, "c0de 0004 0000002a"}));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has<Application>());
  EXPECT_EQ(*message->get<Application>(), 42U);

  const Buffer without = message_of(priority_1);
  EXPECT_FALSE(Message::parse(without)->has<Application>());
  EXPECT_EQ(Message::parse(without)->get<Application>().error(), errc::no_such_attribute);

  // Behind the signature it counts as little as any other.
  const Buffer behind = message_of(text({sha1_header, "c0de 0004 0000002a"}));
  EXPECT_FALSE(Message::parse(behind)->has<Application>());
}

TEST(StunMessage, ListsUnknownComprehensionRequiredAttributes) {
  const Buffer bytes = message_of(text({"7ff0 0000", priority_1, "fff0 0000", "0030 0002 00000000", "7ff0 0000"}));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  AttributeTypeList expected;
  expected.push_back(AttributeType{0x7ff0});
  expected.push_back(AttributeType{0x0030});
  EXPECT_EQ(message->unknown_required(), expected);
}

TEST(StunMessage, WhoUnderstandsLessListsMore) {
  const Buffer bytes = message_of(text({"0003 0004 00000006", priority_1, "8022 0000"}));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->unknown_required().empty());
  AttributeTypeList change_request;
  change_request.push_back(attr::ChangeRequest::type);
  EXPECT_EQ(message->unknown_required(AttributeSet::current().without(AttributeSet::of<attr::ChangeRequest>())),
            change_request);
  EXPECT_EQ(message->unknown_required(AttributeSet::of<attr::Priority>()), change_request);
}

// RFC 8489 §18.3.1 has taken them back.
TEST(StunMessage, AttributesOfRfc3489AreUnknownToday) {
  for (const std::string_view type : {"0002", "0004", "0005", "0007", "000b"}) {
    const Buffer bytes = message_of(text({type, "0000"}));
    EXPECT_EQ(Message::parse(bytes)->unknown_required().size(), 1U) << type;
  }
}

TEST(StunMessage, TheListOfUnknownAttributesIsBounded) {
  Buffer body;
  for (std::uint8_t i = 0; i < 100; ++i) {
    const Buffer one = {0x7f, i, 0, 0};
    body.insert(body.end(), one.begin(), one.end());
  }
  Buffer bytes = message_of("");
  bytes.insert(bytes.end(), body.begin(), body.end());
  wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(body.size()));
  EXPECT_EQ(Message::parse(bytes)->unknown_required().size(), AttributeTypeList::capacity);
}

// RFC 8489 §9: "agents MUST ignore all attributes that follow MESSAGE-INTEGRITY, with the exception of the
// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT attributes".
TEST(StunMessage, NothingAfterTheSignatureCounts) {
  const Buffer bytes = message_of(text({priority_1, sha1_header, "0025 0000", "7ff0 0000", sha256_header, "0006 0000",
                                        "8028 0004 00000000", "8022 0000", "8028 0004 00000000"}));
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has<attr::Priority>());
  EXPECT_FALSE(message->has<attr::UseCandidate>());
  EXPECT_FALSE(message->has<attr::Username>());
  EXPECT_FALSE(message->has<attr::Software>());
  EXPECT_TRUE(message->unknown_required().empty());
  EXPECT_TRUE(message->has<attr::MessageIntegrity>());
  EXPECT_TRUE(message->has<attr::MessageIntegritySha256>());
  EXPECT_TRUE(message->has<attr::Fingerprint>());
  std::size_t plain = 0;
  for ([[maybe_unused]] const RawAttribute raw : message->attributes()) ++plain;
  EXPECT_EQ(plain, 1U);
}

// "Similarly … all attributes that follow the MESSAGE-INTEGRITY-SHA256 attribute if the MESSAGE-INTEGRITY attribute is
// not present": so a MESSAGE-INTEGRITY behind it is not.
TEST(StunMessage, TheOlderSignatureBehindTheNewerIsIgnored) {
  Buffer bytes = message_of(text({sha256_header, sha1_header}));
  sign(bytes, header_size + 36);
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has<attr::MessageIntegrity>());
  EXPECT_EQ(message->integrity(), Integrity::sha256);
  EXPECT_EQ(message->authenticate(credential()).error(), errc::wrong_integrity);
}

TEST(StunMessage, SignaturesBehindTheFingerprintAreIgnored) {
  Buffer bytes = message_of(text({"8028 0004 00000000", sha1_header}));
  sign(bytes, header_size + 8);
  const auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->integrity(), Integrity::none);
  EXPECT_EQ(message->authenticate(credential()).error(), errc::no_integrity);
}

TEST(StunMessage, AuthenticateGivesWhatIsCovered) {
  std::array<std::uint8_t, 256> out;
  const auto built = Builder{out, Method::binding, Class::request, {}}
                         .add<attr::Priority>(7)
                         .integrity(credential())
                         .fingerprint()
                         .finish();
  const auto message = Message::parse(*built);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->is_authenticated());
  EXPECT_EQ(message->integrity(), Integrity::sha1);
  const auto covered = message->authenticate(credential());
  ASSERT_TRUE(covered);
  EXPECT_TRUE(covered->is_authenticated());
  EXPECT_EQ(*covered->get<attr::Priority>(), 7U);
  EXPECT_FALSE(covered->has<attr::Fingerprint>());
  EXPECT_EQ(covered->get<attr::Fingerprint>().error(), errc::no_such_attribute);
  EXPECT_EQ(covered->bytes().size(), built->size());
}

TEST(StunMessage, AuthenticateRefusesAnotherKeyAndAnyChange) {
  std::array<std::uint8_t, 256> out;
  const auto built =
      Builder{out, Method::binding, Class::request, {}}.add<attr::Priority>(7).integrity(credential()).finish();
  EXPECT_EQ(Message::parse(*built)->authenticate(*Credential::short_term("Swordfish")).error(), errc::wrong_integrity);
  const Buffer good = copy(*built);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Buffer bytes = good;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    const auto message = Message::parse(bytes);
    EXPECT_FALSE(message && message->authenticate(credential())) << "bit " << bit;
  }
}

TEST(StunMessage, AuthenticateWantsAnIntegrityAttribute) {
  const Buffer bytes = message_of(priority_1);
  EXPECT_EQ(Message::parse(bytes)->integrity(), Integrity::none);
  EXPECT_EQ(Message::parse(bytes)->authenticate(credential()).error(), errc::no_integrity);
}

TEST(StunMessage, SignaturesOfAWrongLengthAreMalformed) {
  for (const std::string_view attribute :
       {"0008 0010 00000000000000000000000000000000", "0008 0000", "001c 0000", "001c 000c 000000000000000000000000",
        "001c 0012 000000000000000000000000000000000000 0000",
        "001c 0024 000000000000000000000000000000000000000000000000000000000000000000000000"}) {
    const Buffer bytes = message_of(attribute);
    const auto message = Message::parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->authenticate(credential()).error(), errc::malformed_attribute) << attribute;
  }
}

// RFC 8489 §14.6: 32 bytes, "unless the STUN Usage explicitly specifies that truncation is allowed".
TEST(StunMessage, TruncatedSignaturesAreAcceptedOnlyWhereTheUsageAllowsThem) {
  for (std::size_t length = 16; length <= 32; length += 4) {
    std::array<std::uint8_t, 256> out;
    const auto built = Builder{out, Method::binding, Class::request, {}}
                           .add<attr::Priority>(7)
                           .integrity_sha256(credential(), length)
                           .fingerprint()
                           .finish();
    const auto message = Message::parse(*built);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->authenticate(credential()).has_value(), length == 32);
    EXPECT_TRUE(message->authenticate(credential(), length));
    if (length < 32) {
      EXPECT_EQ(message->authenticate(credential(), length + 4).error(), errc::wrong_integrity);
    }
  }
}

// RFC 8489 §9.1.3: where both are there the newer one is verified, and a right older one does not help.
TEST(StunMessage, OfTwoSignaturesTheNewerDecides) {
  Buffer bytes = message_of(text({priority_1, sha1_header, sha256_header}));
  sign(bytes, header_size + 8);
  auto message = Message::parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->integrity(), Integrity::sha256);
  EXPECT_EQ(message->authenticate(credential()).error(), errc::wrong_integrity);

  sign(bytes, header_size + 8 + 24);
  EXPECT_TRUE(message->authenticate(credential()));
}

// §14.6: the HMAC covers all that stands before, also what must be ignored.
TEST(StunMessage, WhatIsIgnoredBetweenTheSignaturesIsCoveredByTheNewerOne) {
  Buffer bytes = message_of(text({sha1_header, priority_1, sha256_header}));
  sign(bytes, header_size + 24 + 8);
  const auto covered = Message::parse(bytes)->authenticate(credential());
  ASSERT_TRUE(covered);
  EXPECT_FALSE(covered->has<attr::Priority>());

  bytes[header_size + 24 + 7] ^= 1;
  EXPECT_FALSE(Message::parse(bytes)->authenticate(credential()));
}

TEST(StunMessage, FingerprintMustMatchAndBeTheLast) {
  std::array<std::uint8_t, 256> out;
  const auto built = Builder{out, Method::binding, Class::request, {}}.add<attr::Priority>(7).fingerprint().finish();
  EXPECT_TRUE(Message::parse(*built)->check_fingerprint());

  // An attribute 0x0000 without a value behind it, and a CRC that is right for that.
  Buffer behind = copy(*built);
  behind.resize(behind.size() + 4);
  behind[3] = static_cast<std::uint8_t>(behind[3] + 4);
  const std::size_t at = behind.size() - 12;
  wire::store_u32(behind.data() + at + 4, crypto::crc32(Bytes{behind}.first(at)) ^ 0x5354554e);
  ASSERT_TRUE(Message::parse(behind));
  EXPECT_EQ(Message::parse(behind)->check_fingerprint().error(), errc::wrong_fingerprint);

  const Buffer none = message_of(priority_1);
  EXPECT_EQ(Message::parse(none)->check_fingerprint().error(), errc::no_such_attribute);
  const Buffer short_one = message_of("8028 0003 00000000");
  EXPECT_EQ(Message::parse(short_one)->check_fingerprint().error(), errc::wrong_fingerprint);
}

TEST(StunMessage, ClassicMessagesHaveAnEntryOfTheirOwn) {
  Buffer bytes = message_of("0003 0004 00000002");
  bytes[4] = 0x99;
  EXPECT_EQ(Message::parse(bytes).error(), errc::not_stun);
  const auto message = Message::parse_classic(bytes);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is_classic());
  EXPECT_TRUE(message->get<attr::ChangeRequest>()->change_port);

  EXPECT_EQ(Message::parse_classic(message_of("")).error(), errc::not_stun);
  EXPECT_EQ(Message::parse_classic(Bytes{bytes}.first(10)).error(), errc::not_stun);
  EXPECT_EQ(Message::parse_classic(Bytes{bytes}.first(24)).error(), errc::truncated);
  bytes[0] = 0x80;
  EXPECT_EQ(Message::parse_classic(bytes).error(), errc::not_stun);
}

// RFC 3489 §11.2.8 padded the message to 64 bytes before the HMAC; no such message passes for one of today.
TEST(StunMessage, ClassicMessagesAreNeverAuthentic) {
  std::array<std::uint8_t, 256> out;
  Buffer request = message_of("");
  request[4] = 0x99;
  const auto built = Builder::response(out, *Message::parse_classic(request), Class::success_response)
                         .add<attr::MappedAddress>(Endpoint{Address::v4(192, 0, 2, 1), 1})
                         .integrity(credential())
                         .finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(Message::parse_classic(*built)->authenticate(credential()).error(), errc::wrong_integrity);
}

}  // namespace
}  // namespace ice::stun
