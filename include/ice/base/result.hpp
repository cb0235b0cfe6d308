#pragma once

#include <cassert>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include "ice/base/error.hpp"

namespace ice {

/// The error half of a `result`: `return fail(errc::truncated);`
template <class E>
struct failure {
  E error;
};

inline failure<std::error_code> fail(errc code) noexcept { return {make_error_code(code)}; }

template <class E>
failure<std::decay_t<E>> fail(E&& error) {
  return {std::forward<E>(error)};
}

/// A value, or why there is none. The shape of C++23's std::expected, which g++ 12 does not have; only what this
/// project uses. Reading the wrong half is a broken precondition and asserts.
template <class T, class E = std::error_code>
class [[nodiscard]] result {
 public:
  using value_type = T;
  using error_type = E;

  constexpr result(const T& value) : state_{std::in_place_index<0>, value} {}
  constexpr result(T&& value) : state_{std::in_place_index<0>, std::move(value)} {}
  template <class G>
  requires std::is_convertible_v<G, E>
  constexpr result(failure<G> why) : state_{std::in_place_index<1>, std::move(why.error)} {}

  constexpr bool has_value() const noexcept { return state_.index() == 0; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  constexpr const T& operator*() const& noexcept { return *value_ptr(); }
  constexpr T& operator*() & noexcept { return *value_ptr(); }
  constexpr T&& operator*() && noexcept { return std::move(*value_ptr()); }
  constexpr const T* operator->() const noexcept { return value_ptr(); }
  constexpr T* operator->() noexcept { return value_ptr(); }

  constexpr const E& error() const noexcept {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

  template <class U>
  constexpr T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }

 private:
  constexpr const T* value_ptr() const noexcept {
    assert(has_value());
    return std::get_if<0>(&state_);
  }
  constexpr T* value_ptr() noexcept {
    assert(has_value());
    return std::get_if<0>(&state_);
  }

  std::variant<T, E> state_;
};

/// Done, or why not.
template <class E>
class [[nodiscard]] result<void, E> {
 public:
  using value_type = void;
  using error_type = E;

  constexpr result() noexcept = default;
  template <class G>
  requires std::is_convertible_v<G, E>
  constexpr result(failure<G> why) : state_{std::in_place_index<1>, std::move(why.error)} {}

  constexpr bool has_value() const noexcept { return state_.index() == 0; }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  constexpr const E& error() const noexcept {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<std::monostate, E> state_;
};

}  // namespace ice
