#pragma once

#include <string>

namespace tarn {

// The command line of a daemon: -config FILE or --config FILE, --version, --help.
struct DaemonOptions {
  bool exit_now = false;  // After --help, --version or an invalid argument.
  int exit_code = 0;
  std::string config_path = "lakehouse.toml";
};

DaemonOptions ParseDaemonOptions(int argc, const char* const* argv, const std::string& program,
                                 const std::string& description);

}  // namespace tarn
