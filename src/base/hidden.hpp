#pragma once

/// ICE_HIDDEN takes back what ICE_API gives to everything inside a class: for the definition of a class that a public
/// header only announces, so that a shared library does not export its members.
#define ICE_HIDDEN __attribute__((visibility("hidden")))
