#include "ice/stun/builder.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "support/stun_vectors.hpp"

namespace ice::stun {
namespace {

using test::copy;
using test::from_hex;

constexpr TransactionId id{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
const Credential& credential() {
  static const Credential credential = *Credential::short_term("swordfish");
  return credential;
}

TEST(StunBuilder, APlainRequestIsTheHeader) {
  std::array<std::uint8_t, 20> out;
  const auto built = Builder{out, Method::binding, Class::request, id}.finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(copy(*built), from_hex("0001 0000 2112a442 0102030405060708090a0b0c"));
  EXPECT_EQ(built->data(), out.data());
}

TEST(StunBuilder, PadsWithZeros) {
  std::array<std::uint8_t, 64> out;
  out.fill(0xff);
  const auto built = Builder{out, Method::binding, Class::indication, id}
                         .add<attr::Username>("a")
                         .add<attr::UseCandidate>()
                         .add_raw(AttributeType{0xc0de}, from_hex("010203"))
                         .finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(copy(*built), from_hex("0011 0014 2112a442 0102030405060708090a0b0c"
                                   "0006 0001 61000000  0025 0000  c0de 0003 01020300"));
}

Builder& fill(Builder& builder) {
  return builder.add<attr::Software>("icebreaker")
      .add<attr::XorMappedAddress>(Endpoint{Address::v4(192, 0, 2, 1), 32853})
      .add<attr::ErrorCode>(Error{ErrorCode::role_conflict})
      .add<attr::Data>(bytes_of("hello"))
      .integrity(credential())
      .integrity_sha256(credential(), 16)
      .fingerprint();
}

// In a buffer of every size: the whole message, or an error and not a byte behind the end.
TEST(StunBuilder, RemembersThatTheBufferWasTooSmall) {
  std::array<std::uint8_t, 512> large;
  Builder whole{large, Method::binding, Class::error_response, id};
  const auto expected = fill(whole).finish();
  ASSERT_TRUE(expected);
  for (std::size_t size = 0; size <= expected->size(); ++size) {
    std::vector<std::uint8_t> out(expected->size() + 64, 0xee);
    Builder builder{MutableBytes{out}.first(size), Method::binding, Class::error_response, id};
    const auto built = fill(builder).finish();
    if (size == expected->size()) {
      ASSERT_TRUE(built);
      EXPECT_EQ(copy(*built), copy(*expected));
    } else {
      EXPECT_EQ(built.error(), errc::buffer_too_small) << size;
    }
    for (std::size_t at = size; at < out.size(); ++at) ASSERT_EQ(out[at], 0xee) << size;
  }
}

TEST(StunBuilder, TellsTheFirstErrorAlone) {
  std::array<std::uint8_t, 512> out;
  const auto built = Builder{out, Method::binding, Class::request, id}
                         .add<attr::Username>(std::string(509, 'u'))
                         .add<attr::ErrorCode>(Error{stun::ErrorCode{200}})
                         .add<attr::Padding>(std::vector<std::uint8_t>(1000))
                         .integrity(credential())
                         .fingerprint()
                         .finish();
  EXPECT_EQ(built.error(), errc::text_too_long);
}

TEST(StunBuilder, NeverExceedsWhatTheLengthFieldCanSay) {
  std::vector<std::uint8_t> out(2 * max_message_size);
  const std::vector<std::uint8_t> value(max_message_size - header_size - 4);
  Builder fits{out, Method::binding, Class::request, id};
  EXPECT_EQ(fits.add<attr::Padding>(value).finish()->size(), max_message_size);
  Builder too_large{out, Method::binding, Class::request, id};
  EXPECT_EQ(too_large.add<attr::Padding>(value).add<attr::UseCandidate>().finish().error(), errc::buffer_too_small);
}

// RFC 8489 §6.3.1.1.
TEST(StunBuilder, AResponseHasTheMethodAndTheTransactionIdOfItsRequest) {
  std::array<std::uint8_t, 20> request;
  std::array<std::uint8_t, 64> out;
  ASSERT_TRUE((Builder{request, Method::refresh, Class::request, id}.finish()));
  const auto built = Builder::response(out, *Message::parse(request), Class::error_response).finish();
  ASSERT_TRUE(built);
  const auto response = Message::parse(*built);
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->is(Method::refresh, Class::error_response));
  EXPECT_EQ(response->transaction_id(), id);

  EXPECT_EQ(Builder::response({}, *Message::parse(request), Class::error_response).finish().error(),
            errc::buffer_too_small);
}

// RFC 3489: 128 bits of id, a reason phrase of whole words, an even number of unknown attributes.
TEST(StunBuilder, AResponseToAClassicRequestHasItsForm) {
  const auto request = from_hex("0001 0000 aabbccdd 0102030405060708090a0b0c");
  AttributeTypeList unknown;
  unknown.push_back(AttributeType{0x7f01});
  std::array<std::uint8_t, 128> out;
  const auto built = Builder::response(out, *Message::parse_classic(request), Class::error_response)
                         .add<attr::ErrorCode>(Error{ErrorCode::unknown_attribute})
                         .add<attr::UnknownAttributes>(unknown)
                         .finish();
  ASSERT_TRUE(built);
  EXPECT_EQ(copy(*built), from_hex("0111 0024 aabbccdd 0102030405060708090a0b0c"
                                   "0009 0018 00000414 556e6b6e6f776e20417474726962757465202020"
                                   "000a 0004 7f01 7f01"));
  const auto response = Message::parse_classic(*built);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->get<attr::ErrorCode>()->code, ErrorCode::unknown_attribute);
  EXPECT_EQ(*response->get<attr::UnknownAttributes>(), unknown);
}

TEST(StunBuilder, AClassicReasonPhraseNeedsRoomForItsSpaces) {
  const auto request = from_hex("0001 0000 aabbccdd 0102030405060708090a0b0c");
  std::array<std::uint8_t, 20 + 4 + 4 + 17> out;  // as long as the phrase itself
  EXPECT_EQ(Builder::response(out, *Message::parse_classic(request), Class::error_response)
                .add<attr::ErrorCode>(Error{ErrorCode::unknown_attribute})
                .finish()
                .error(),
            errc::buffer_too_small);
}

TEST(StunBuilder, BothSignaturesAndTheFingerprintVerify) {
  std::array<std::uint8_t, 256> out;
  const auto built = Builder{out, Method::binding, Class::request, id}
                         .add<attr::Username>("alice")
                         .integrity(credential())
                         .integrity_sha256(credential())
                         .fingerprint()
                         .finish();
  ASSERT_TRUE(built);
  const auto message = Message::parse(*built);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->check_fingerprint());
  EXPECT_TRUE(message->authenticate(credential()));

  // What an agent that knows only RFC 5389 sees: the part up to MESSAGE-INTEGRITY, with its length.
  std::vector<std::uint8_t> older{built->begin(), built->end() - 36 - 8};
  older[3] = static_cast<std::uint8_t>(older.size() - header_size);
  EXPECT_TRUE(Message::parse(older)->authenticate(credential()));
}

}  // namespace
}  // namespace ice::stun
