// Texts: UTF-8 is what RFC 3629 says it is, and OpaqueString (RFC 8265 §4.2) gives texts that it would not change
// again, the same for each who prepares them.

#include <algorithm>
#include <iterator>
#include <optional>

#include "fuzz/check.hpp"
#include "ice/stun/credential.hpp"
#include "stun/utf8.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

/// RFC 3629 §4, the grammar written out.
std::optional<std::size_t> characters_by_the_grammar(Bytes text) {
  struct Form {
    std::uint8_t first_low, first_high, second_low, second_high;
    std::size_t size;
  };
  static constexpr Form forms[] = {
      {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
      {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
      {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
  };
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const Form* const form = std::find_if(std::begin(forms), std::end(forms), [&](const Form& f) {
      return text[0] >= f.first_low && text[0] <= f.first_high && text.size() >= f.size;
    });
    if (form == std::end(forms)) return std::nullopt;
    if (form->size > 1 && (text[1] < form->second_low || text[1] > form->second_high)) return std::nullopt;
    for (std::size_t i = 2; i < form->size; ++i)
      if (text[i] < 0x80 || text[i] > 0xbf) return std::nullopt;
    text = text.subspan(form->size);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes{data, size};
  const std::string_view text = text_of(bytes);
  const std::optional<std::size_t> characters = characters_by_the_grammar(bytes);
  ICE_FUZZ_CHECK(count_characters(text) == characters);
  ICE_FUZZ_CHECK(is_ascii(text) == (characters == size));

  const auto prepared = opaque_string(text);
  ICE_FUZZ_CHECK(Credential::short_term(text).has_value() == prepared.has_value());
  if (!prepared) {
    ICE_FUZZ_CHECK(prepared.error() == errc::bad_text);
    return 0;
  }
  ICE_FUZZ_CHECK(characters && !prepared->empty() && count_characters(*prepared));
  for (const char c : *prepared) ICE_FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != '\x7f');
  const auto again = opaque_string(*prepared);
  ICE_FUZZ_CHECK(again && *again == *prepared);

  const auto hash = userhash(text, "realm");
  const auto hash_of_prepared = userhash(*prepared, "realm");
  ICE_FUZZ_CHECK(hash.has_value() == hash_of_prepared.has_value());
  if (hash) ICE_FUZZ_CHECK(*hash == *hash_of_prepared);
  return 0;
}
