#pragma once

#include <boost/system/error_code.hpp>
#include <system_error>

#include "ice/base/error.hpp"
#include "ice/base/export.hpp"
#include "ice/report.hpp"

namespace ice::io {

/// The error as this floor completes with it: under co_await a boost::system::error_code throws, a std::error_code
/// does not. The system's errors become Boost's own, so that they compare equal to boost::asio::error; all others keep
/// their category, so that `error == ice::errc::timed_out` holds.
inline boost::system::error_code to_boost(const std::error_code& error) noexcept {
  if (!error) return {};
  if (error.category() == std::system_category()) return {error.value(), boost::system::system_category()};
  if (error.category() == std::generic_category()) return {error.value(), boost::system::generic_category()};
  return boost::system::error_code{error};
}

inline boost::system::error_code to_boost(errc code) noexcept { return to_boost(make_error_code(code)); }

/// The category of a Cause as an error, named "ice". Each message begins with the word of to_string(Cause).
ICE_API const std::error_category& cause_category() noexcept;

}  // namespace ice::io

namespace ice {

/// So that `error == ice::Cause::checks_failed` holds for the error of an operation. Cause::none is no error.
inline std::error_code make_error_code(Cause cause) noexcept { return {static_cast<int>(cause), io::cause_category()}; }

}  // namespace ice

template <>
struct std::is_error_code_enum<ice::Cause> : std::true_type {};
