#include "ice/description.hpp"

#include <algorithm>

namespace ice {

bool Description::has_option(std::string_view option) const noexcept {
  return std::find(options.begin(), options.end(), option) != options.end();
}

result<void> validate_credentials(const Description& description) noexcept {
  if (!is_ice_text(description.ufrag, min_ufrag, max_credential)) return fail(errc::bad_ufrag);
  if (!is_ice_text(description.password, min_password, max_credential)) return fail(errc::bad_password);
  return {};
}

}  // namespace ice
