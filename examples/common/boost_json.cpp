// Boost.JSON without its library, compiled here once for all programs.
#include <boost/json/src.hpp>
