#pragma once

#include <cmath>

namespace ice::nat {

/// How much of what is asked on a path comes back, as far as it was seen, so that silence can be told from loss.
class PathQuality {
 public:
  /// A question that nothing but loss can hinder: how often it was sent, and whether an answer came.
  void add(unsigned transmissions, bool answered) noexcept {
    tries_ += transmissions;
    if (answered) ++answers_;
  }

  /// The share of transmissions that were answered, on the low side: two more are taken to have been lost.
  double answer_rate() const noexcept { return static_cast<double>(answers_) / (static_cast<double>(tries_) + 2); }

  /// Whether so many transmissions without an answer are more than bad luck.
  bool silence_counts(unsigned transmissions) const noexcept {
    return std::pow(1 - answer_rate(), transmissions) <= most_bad_luck;
  }

  /// Whether loss is worth mentioning.
  bool lossy() const noexcept { return tries_ - answers_ > 1 && tries_ - answers_ > tries_ / 20; }

 private:
  static constexpr double most_bad_luck = 1e-6;  // ours

  unsigned tries_ = 0;
  unsigned answers_ = 0;
};

}  // namespace ice::nat
