#include "turn/peer_policy.hpp"

#include <algorithm>
#include <array>

namespace ice::turn {
namespace {

constexpr AddressRange v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t bits) noexcept {
  return {Address::v4(a, b, c, 0), bits};
}
constexpr AddressRange v6(const std::array<std::uint8_t, 16>& base, std::uint8_t bits) noexcept {
  return {Address::v6(base), bits};
}

// The registries of special-purpose addresses (RFC 6890), as far as a packet to them goes somewhere it should not. The
// ranges for documentation (RFC 5737, RFC 3849) are missing on purpose: they lead nowhere.
constexpr auto forbidden = std::to_array<AddressRange>({
    v4(0, 0, 0, 8),       // "this network", 0.0.0.0 among it, which is the host itself on some systems (RFC 1122)
    v4(10, 0, 0, 8),      // private (RFC 1918)
    v4(100, 64, 0, 10),   // shared with a carrier's NAT (RFC 6598)
    v4(127, 0, 0, 8),     // loopback (RFC 1122)
    v4(169, 254, 0, 16),  // link-local (RFC 3927), where clouds keep their metadata
    v4(172, 16, 0, 12),   // private
    v4(192, 0, 0, 24),    // protocol assignments (RFC 6890)
    v4(192, 88, 99, 24),  // relays of 6to4 (RFC 7526)
    v4(192, 168, 0, 16),  // private
    v4(198, 18, 0, 15),   // benchmarks (RFC 2544)
    v4(224, 0, 0, 4),     // multicast (RFC 5771)
    v4(240, 0, 0, 4),     // reserved, and 255.255.255.255 (RFC 1112)
    v6({}, 96),           // ::, ::1, IPv4-compatible (RFC 4291)
    v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96),  // IPv4-mapped (RFC 4291)
    v6({0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96),        // IPv4-translated (RFC 2765)
    v6({0x00, 0x64, 0xFF, 0x9B}, 96),                    // NAT64 (RFC 6052)
    v6({0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48),        // NAT64 of a network's own (RFC 8215)
    v6({0x01}, 64),                                      // discard (RFC 6666)
    v6({0x20, 0x01, 0x00, 0x00}, 32),                    // Teredo (RFC 4380)
    v6({0x20, 0x01, 0x00, 0x02}, 48),                    // benchmarks (RFC 5180)
    v6({0x20, 0x02}, 16),                                // 6to4 (RFC 3056)
    v6({0x5F}, 16),                                      // segments of SRv6 (RFC 9602)
    v6({0xFC}, 7),                                       // unique local (RFC 4193)
    v6({0xFE, 0x80}, 10),                                // link-local (RFC 4291)
    v6({0xFE, 0xC0}, 10),                                // site-local (RFC 3879)
    v6({0xFF}, 8),                                       // multicast (RFC 4291)
});

/// An address and the IPv4 addresses within it.
class Faces {
 public:
  explicit Faces(const Address& address) noexcept {
    push(address);
    const Address& plain = faces_[0];
    // RFC 4291 §2.5.2, §2.5.3: these two begin like IPv4-compatible addresses, and are none.
    if (!plain.is_v6() || plain == Address::any(Family::ipv6) || plain == Address::loopback(Family::ipv6)) return;
    const Bytes b = address.bytes();
    const auto starts_with = [&](const AddressRange& range) { return range.contains(address); };
    const auto inside = [&](std::size_t at) { push(Address::v4(b[at], b[at + 1], b[at + 2], b[at + 3])); };

    // At the end: mapped, compatible, translated, and NAT64 with a prefix of 96 bits.
    if (starts_with(v6({}, 64)) || starts_with(v6({0x00, 0x64, 0xFF, 0x9B}, 96))) inside(12);
    if (starts_with(v6({0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48))) {
      // A network may divide this prefix. RFC 6052 §2.2: of 48 bits, with two bytes, one that is 0, and two bytes
      // behind it; or of 96. What is all zeros is not the one that is used.
      const Address middle = Address::v4(b[6], b[7], b[9], b[10]);
      if (!middle.is_unspecified()) push(middle);
      if (b[12] != 0 || b[13] != 0 || b[14] != 0 || b[15] != 0) inside(12);
    }
    if (starts_with(v6({0x20, 0x02}, 16))) inside(2);  // RFC 3056 §2
    if (starts_with(v6({0x20, 0x01, 0x00, 0x00}, 32))) {
      inside(4);  // RFC 4380 §4: the Teredo server, and the client with its bits turned over
      const auto flipped = [&](std::size_t at) { return static_cast<std::uint8_t>(~b[at]); };
      push(Address::v4(flipped(12), flipped(13), flipped(14), flipped(15)));
    }
    // ISATAP, RFC 5214 §6.1: behind any prefix. The bit for "globally unique" may be set.
    if ((b[8] & 0xFDU) == 0 && b[9] == 0 && b[10] == 0x5E && b[11] == 0xFE) inside(12);
  }

  const Address* begin() const noexcept { return faces_.data(); }
  const Address* end() const noexcept { return faces_.data() + size_; }

 private:
  void push(const Address& face) noexcept { faces_[size_++] = face.without_scope(); }

  std::array<Address, 4> faces_;  // itself, two of one prefix at most, ISATAP
  std::size_t size_ = 0;
};

bool is_in(const Address& address, std::span<const AddressRange> ranges) noexcept {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) { return range.contains(address); });
}

bool is_in(const Address& address, std::span<const Address> addresses) noexcept {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

}  // namespace

void PeerPolicy::add_own(const Address& address) {
  const Address plain = address.canonical().without_scope();
  if (plain && !plain.is_unspecified() && !is_in(plain, own_)) own_.push_back(plain);
}

void PeerPolicy::learn_own(const Address& address) {
  const std::size_t before = own_.size();
  if (learned_ < most_learned) add_own(address);
  learned_ += own_.size() - before;
}

void PeerPolicy::add_relay(const Address& address) {
  add_own(address);
  relays_.push_back(address);
}

bool PeerPolicy::is_relay(const Address& peer) const noexcept { return is_in(peer, relays_); }

bool PeerPolicy::allows(const Address& face) const noexcept {
  if (is_in(face, denied_)) return false;
  return is_in(face, allowed_) || (!is_in(face, forbidden) && !is_in(face, own_));
}

Reach PeerPolicy::judge(const Address& peer) const noexcept {
  const Faces faces{peer};
  const bool allowed = std::all_of(faces.begin(), faces.end(), [&](const Address& face) { return allows(face); });
  const bool own = std::any_of(faces.begin(), faces.end(), [&](const Address& face) { return is_in(face, own_); });
  if (!allowed) return is_relay(peer) ? Reach::relays_only : Reach::forbidden;
  return own ? Reach::host_allowed : Reach::anywhere;
}

}  // namespace ice::turn
