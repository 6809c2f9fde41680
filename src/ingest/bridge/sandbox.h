// What is taken from this process before a stranger's byte reaches it: it can receive, parse and answer the hub.
#pragma once

#include <string>

#include "ccoc/base/result.h"

namespace ccoc::ingest::bridge {

/// For this thread and those it starts: files are read only beneath the system's folders and cannot be written (Landlock);
/// no programs, no other processes, no local sockets (seccomp); bounded memory. Call it after GStreamer has read, and perhaps
/// written, its list of plug-ins, and before other threads are started. On a kernel without Landlock that part is left out.
/// `files`: a further folder to read from; empty: none.
Status lock_down(const std::string& files);

/// After lock_down: tries what must not be possible; names the first thing that is.
Status check_locked_down();

}  // namespace ccoc::ingest::bridge
