#include "ice/turn/address_range.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace ice::turn {

result<AddressRange> AddressRange::parse(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const result<Address> base = Address::parse(text.substr(0, slash));
  if (!base || base->scope() != 0) return fail(errc::bad_address);
  const auto longest = static_cast<std::uint8_t>(base->bytes().size() * 8);
  if (slash == std::string_view::npos) return AddressRange{*base, longest};
  std::string_view rest = text.substr(slash + 1);
  const auto bits = text::take_decimal(rest, longest);
  if (!bits || !rest.empty()) return fail(errc::bad_address);
  return AddressRange{*base, static_cast<std::uint8_t>(*bits)};
}

bool AddressRange::contains(const Address& address) const noexcept {
  if (!base || address.family() != base.family()) return false;
  const Bytes mine = base.bytes();
  const Bytes other = address.bytes();
  const std::size_t whole = std::min<std::size_t>(bits / 8, mine.size());
  if (!std::equal(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
  if (bits % 8 == 0 || whole == mine.size()) return true;
  const unsigned mask = 0xFF00U >> (bits % 8) & 0xFFU;
  return ((mine[whole] ^ other[whole]) & mask) == 0;
}

std::string AddressRange::to_string() const { return base.to_string() + '/' + std::to_string(bits); }

}  // namespace ice::turn
