// How the shim's functions fail: with 1 and a message, never with an exception.

#pragma once

#include <c10/util/Exception.h>

#include <cstdio>

// Where a failure's message goes; always ended by a zero byte.
struct Message {
  char* text;
  size_t capacity;
};

template <typename Body>
int guarded(Message error, Body body) {
  try {
    body();
    return 0;
  } catch (const c10::Error& failure) {
    std::snprintf(error.text, error.capacity, "%s", failure.what_without_backtrace());
  } catch (const std::exception& failure) {
    std::snprintf(error.text, error.capacity, "%s", failure.what());
  } catch (...) {
    std::snprintf(error.text, error.capacity, "an exception of an unknown type");
  }
  return 1;
}
