#include "ice/stun/password_algorithm.hpp"

#include <algorithm>

#include "ice/stun/wire.hpp"

namespace ice::stun {
namespace {

/// The bytes of the first entry, with its padding: which may be missing after the last, where the padding of the
/// attribute stands for it. 0 where the entry runs past the end.
std::size_t entry_size(Bytes rest) noexcept {
  if (rest.size() < 4) return 0;
  const std::size_t parameters = wire::load_u16(rest.data() + 2);
  if (parameters > rest.size() - 4) return 0;
  return std::min((4 + parameters + 3) & ~std::size_t{3}, rest.size());
}

bool same(const PasswordAlgorithmEntry& a, const PasswordAlgorithmEntry& b) noexcept {
  return a.algorithm == b.algorithm &&
         std::equal(a.parameters.begin(), a.parameters.end(), b.parameters.begin(), b.parameters.end());
}

}  // namespace

PasswordAlgorithmEntry PasswordAlgorithms::Iterator::operator*() const noexcept {
  return {static_cast<PasswordAlgorithm>(wire::load_u16(rest_.data())),
          rest_.subspan(4, wire::load_u16(rest_.data() + 2))};
}

PasswordAlgorithms::Iterator& PasswordAlgorithms::Iterator::operator++() noexcept {
  rest_ = rest_.subspan(entry_size(rest_));
  return *this;
}

result<PasswordAlgorithms> PasswordAlgorithms::parse(Bytes wire) noexcept {
  if (wire.empty()) return fail(errc::malformed_attribute);
  for (Bytes rest = wire; !rest.empty();) {
    const std::size_t size = entry_size(rest);
    if (size == 0) return fail(errc::malformed_attribute);
    rest = rest.subspan(size);
  }
  return PasswordAlgorithms{wire};
}

PasswordAlgorithms PasswordAlgorithms::sha256_and_md5() noexcept {
  static constexpr std::array<std::uint8_t, 8> wire = {0, 2, 0, 0, 0, 1, 0, 0};
  return PasswordAlgorithms{wire};
}

bool PasswordAlgorithms::contains(const PasswordAlgorithmEntry& entry) const noexcept {
  return std::any_of(begin(), end(), [&](const PasswordAlgorithmEntry& ours) { return same(ours, entry); });
}

std::optional<PasswordAlgorithm> PasswordAlgorithms::first_supported() const noexcept {
  for (const PasswordAlgorithmEntry entry : *this)
    if (is_supported(entry.algorithm)) return entry.algorithm;
  return std::nullopt;
}

bool operator==(const PasswordAlgorithms& a, const PasswordAlgorithms& b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

}  // namespace ice::stun
