#pragma once

/// ICE_API marks what a shared build of the libraries exports; everything else stays hidden.
#if defined(ICE_SHARED)
#define ICE_API __attribute__((visibility("default")))
#else
#define ICE_API
#endif
