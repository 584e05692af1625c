// SPDX-License-Identifier: Apache-2.0
#include "manage/cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/parse_outcome.hpp"
#include "base/units.hpp"
#include "manage/cli/commands.hpp"
#include "manage/cli/device_options.hpp"
#include "manage/cli/known_words.hpp"
#include "vmm/control/exit_code.hpp"
#include "vmm/control/guest_name.hpp"

namespace samepage::cli {
namespace {

constexpr const char* run_footer = R"(What follows '--' is the guest's command line.

Standard input goes to the guest's console. A terminal is raw meanwhile (where standard output is one too): all keys are
the guest's, Ctrl-C as well, but for Ctrl-], which ends the guest. With --console, --count or --detach nothing is read.

Exit codes:
  0        the guest ended with code 0, a Linux kernel by powering off or rebooting; --detach: it runs
  1        the guest could not be started, or what it printed could not be written; one line on stderr says why
  2        the command line makes no sense
  125      the guest failed: it did what no guest may do
  128+N    the guest was stopped by signal N: 130 Ctrl-C or Ctrl-], 143 SIGTERM or 'samepage stop', 137 'samepage kill'
  141      nobody reads standard output any more, so the guest was stopped
  other    the guest's own exit code. A code that is not the guest's own always comes with a line
           'samepage: ...' on stderr (except after SIGKILL). With --count: the first that is not 0.)";

constexpr const char* exit_codes = R"(Exit codes:
  0        done; for run: the guest ended with code 0
  1        a failure of ours, of the host or of what was asked; one line on stderr says which; for run
           also: what the guest printed could not be written
  2        the command line makes no sense
  3        console: the guest has ended; 0: detached
  125      run: the guest failed (it did what no guest may do)
  128+N    run: the guest was stopped by signal N: 130 Ctrl-C, 143 SIGTERM or 'samepage stop',
           137 'samepage kill'
  141      nobody reads standard output any more; for run: so the guest was stopped
  other    run: the guest's own exit code. A code that is not the guest's own always comes with a line
           'samepage: ...' on stderr.

Environment:
  SAMEPAGE_RUNTIME_DIR  where the sockets are (else $XDG_RUNTIME_DIR/samepage, /run/samepage for root,
                        /tmp/samepage-UID)
  SAMEPAGE_SOCKET       the daemon's socket (else samepaged.sock in the runtime directory)
  SAMEPAGE_IMAGES       a directory with images, looked into before the ones that came with samepage
  SAMEPAGE_ANY_HOST     set: a Linux kernel is started even where the CPU shows neither VT-x nor AMD-V)";

// Where the parser puts what it found.
struct Parsed {
  RunOptions run;
  DemoOptions demo;
  ConsoleOptions console;
  Format format = Format::text;
  Listed listed = Listed::running;
  std::string guest;
  std::string file;
  std::uint64_t bytes = 0;
  std::string kernel;
  std::vector<std::string> guests;
  TuneOptions tuning;
  std::function<int()> command;
};

void add_json(CLI::App& command, Format& format) {
  command.add_flag_callback(
      "--json", [&format] { format = Format::json; }, "Print JSON instead of text");
}

// How an option's value is written: for the help, and for who wrote it in another way.
struct Notation {
  std::string type;
  std::string meaning;  // "'64x' is not ..."
};

const Notation port_notation{"com1|hvc0", "com1 or hvc0"};
const Notation key_notation{"^X|CHARACTER|none", "^X, one character or none"};
const Notation size_notation{"SIZE", "a size: use a number with K, M, G or T, such as 64M or 3.5G"};
const Notation domain_notation{
    "DOMAIN",
    fmt::format("a domain: use 'none', 'zero-only' or a label of 1 to {} of the characters A-Z a-z 0-9 . _ -",
                vmm::max_guest_name)};

// An option whose text `parse` turns into `target`; what it does not take is a usage error.
template <typename Target, typename Parse>
CLI::Option* add_parsed(CLI::App& command, const std::string& name, Target& target, Parse parse,
                        const Notation& notation, const std::string& help) {
  return command
      .add_option_function<std::string>(
          name,
          [&target, parse, name, meaning = notation.meaning](const std::string& text) {
            const auto value = parse(text);
            if (!value) throw CLI::ValidationError(name, fmt::format("'{}' is not {}", text, meaning));
            target = *value;
          },
          help)
      ->type_name(notation.type);
}

std::string check_file(const std::string& path) {
  return path.empty() ? "a file has a name; '' is not one" : "";
}

std::string check_guest_name(const std::string& name) {
  return vmm::is_guest_name(name) ? "" : vmm::not_a_guest_name(name);
}

// An option that may be repeated; what `parse` does not take is a usage error.
template <typename Item, typename Parse>
void add_repeated(CLI::App& command, const std::string& name, std::vector<Item>& target, Parse parse,
                  const std::string& type, const std::string& help) {
  command
      .add_option_function<std::vector<std::string>>(
          name,
          [&target, parse, name, type](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const auto item = parse(text);
              if (!item) throw CLI::ValidationError(name, fmt::format("'{}' is not {}", text, type));
              target.push_back(*item);
            }
          },
          help + "; may be repeated")
      ->type_name(type)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_devices(CLI::App& command, vmm::DeviceConfig& devices) {
  add_repeated(command, "--disk", devices.disks, parse_disk, "FILE[,ro|,overlay|,rw]",
               "A raw file as a virtio disk: read-only, with the guest's changes thrown away at its end "
               "(default), or written");
  add_repeated(
      command, "--pmem", devices.pmems, parse_pmem, "FILE,(ro|private|shared)[,address=ADDRESS]",
      "A file as persistent memory: not writable, with changes of the guest's own, or shared with all "
      "who share it");
  add_repeated(command, "--net", devices.nets, parse_net, "tap=NAME[,mac=MAC]",
               "A virtio network device on a TAP interface of the host");
  command.add_flag("--rng", devices.rng, "A virtio source of random numbers");
  command.add_flag("--balloon", devices.balloon,
                   "A virtio balloon: memory that the guest frees goes back to the host at once");
  command.add_flag("--virtio-console", devices.console, "A virtio console (hvc0) beside the serial one");
}

// What no option by itself can know.
void require_sense(const RunOptions& run) {
  if (run.format == Format::json && run.attachment != Attachment::detached) {
    throw CLI::ValidationError("--json", "only 'run --detach' prints something of its own; add --detach");
  }
  if (run.input_port == vmm::ConsolePort::hvc0 && !run.devices.console) {
    throw CLI::ValidationError("--port", "a guest has hvc0 with --virtio-console only");
  }
  const std::string last_name = fmt::format("{}-{}", run.name, run.count);
  if (run.count > 1 && !run.name.empty() && !vmm::is_guest_name(last_name)) {
    throw CLI::ValidationError("--name", vmm::not_a_guest_name(last_name));
  }
}

// Options for an input that is not read.
void require_input(const CLI::App& command, const RunOptions& run) {
  if (run.attachment == Attachment::foreground && run.count == 1 && run.console.empty()) return;
  for (const char* option : {"--port", "--escape"}) {
    if (command.count(option) == 0) continue;
    throw CLI::ValidationError(option,
                               "with --detach, --count or --console nothing is read from standard input");
  }
}

void add_run(CLI::App& app, Parsed& parsed) {
  RunOptions& run = parsed.run;
  CLI::App* command = app.add_subcommand("run", "Run a guest and share its memory with others of its domain");
  command->add_option("--name", run.name, "Its name (default: the image's, with the lowest free number)")
      ->type_name("NAME")
      ->check(check_guest_name);
  add_parsed(*command, "--mem", run.memory_bytes, parse_size, size_notation,
             "RAM, such as 16M (default: 64M)");
  command->add_option("--cpus", run.cpus, "Virtual CPUs (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(1U, 255U));
  add_parsed(*command, "--domain", run.domain, parse_domain, domain_notation,
             "Whom it shares with: a label; 'none': nobody; 'zero-only': give back zero pages, share nothing "
             "(default: default)");
  command->add_option("--count", run.count, "Guests to run: NAME-1, NAME-2, ... (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(1U, 4096U));
  command->add_flag_callback(
      "--detach", [&run] { run.attachment = Attachment::detached; },
      "Return when the guest runs; print its name");
  add_repeated(*command, "--rom", run.roms, parse_rom, "FILE@ADDRESS",
               "A file that the guest sees read-only at a page-aligned address such as 0xf0000000");
  add_devices(*command, run.devices);
  command
      ->add_option("--initrd", run.initrd,
                   "A file for the guest's memory: a Linux kernel's initial RAM disk, a Multiboot module")
      ->type_name("FILE")
      ->check(check_file);
  add_parsed(*command, "--entry", run.entry, parse_entry,
             {"auto|linux64|compressed", "auto, linux64 or compressed"},
             "How a Linux kernel is entered (default: auto: PVH where the kernel has it)");
  command
      ->add_option("--console", run.console,
                   "Where the console goes (default: stdout); FILE-1, ... with --count")
      ->type_name("FILE")
      ->check(check_file);
  add_parsed(*command, "--port", run.input_port, vmm::parse_console_port, port_notation,
             "Which console standard input goes to (default: com1)");
  add_parsed(*command, "--escape", run.escape, vmm::EscapeKey::parse, key_notation,
             "The key that ends the guest when standard input is a terminal (default: ^])");
  command->add_option("--first-number", run.first_number)->group("");
  command->add_option("--ready-fd", run.ready_fd)->group("");
  command->add_flag("--join-later", run.joins_later)->group("");
  command
      ->add_flag_callback("--empty-console", [&run] { run.console_content = vmm::ConsoleContent::emptied; })
      ->group("");
  command->add_flag_callback("--record-end", [&run] { run.afterwards = vmm::Afterwards::recorded; })
      ->group("");
  command->add_option("IMAGE", run.image, "A file (with a '/'), or the name of an image of the catalogue")
      ->required()
      ->type_name("")
      ->check(check_file);
  command->footer(run_footer);
  command->add_flag_callback(
      "--json", [&run] { run.format = Format::json; }, "With --detach: print JSON instead of text");
  command->callback([&parsed, command] {
    require_sense(parsed.run);
    require_input(*command, parsed.run);
    parsed.command = [&parsed] { return samepage::cli::run(parsed.run); };
  });
}

using GuestsCommand = int (*)(const std::vector<std::string>&);

void add_for_guests(CLI::App& app, Parsed& parsed, const char* name, const char* help,
                    GuestsCommand function) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("GUEST", parsed.guests, "Names of running guests")
      ->required()
      ->type_name("")
      ->check(check_guest_name);
  command->callback(
      [&parsed, function] { parsed.command = [&parsed, function] { return function(parsed.guests); }; });
}

CLI::App* add_for_guest(CLI::App& app, Parsed& parsed, const char* name, const char* help) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("GUEST", parsed.guest, "The name of a running guest")
      ->required()
      ->type_name("")
      ->check(check_guest_name);
  return command;
}

void add_views(CLI::App& app, Parsed& parsed) {
  CLI::App* ps_command = app.add_subcommand("ps", "List the guests that run");
  ps_command->add_flag_callback(
      "-a,--all", [&parsed] { parsed.listed = Listed::all; },
      "Those, too, that were detached and have ended");
  add_json(*ps_command, parsed.format);
  ps_command->callback(
      [&parsed] { parsed.command = [&parsed] { return ps(parsed.listed, parsed.format); }; });

  CLI::App* stat_command =
      app.add_subcommand("stat", "Show what merging saves and costs, of all or of one guest");
  stat_command->add_option("GUEST", parsed.guest, "The name of a running guest")
      ->type_name("")
      ->check(check_guest_name);
  add_json(*stat_command, parsed.format);
  stat_command->callback(
      [&parsed] { parsed.command = [&parsed] { return stat(parsed.guest, parsed.format); }; });

  CLI::App* map_command =
      add_for_guest(app, parsed, "map", "Show which pages of a guest are its own, frames, zero or untouched");
  add_json(*map_command, parsed.format);
  map_command->callback(
      [&parsed] { parsed.command = [&parsed] { return map(parsed.guest, parsed.format); }; });

  CLI::App* logs_command = add_for_guest(
      app, parsed, "logs", "Print the last 16 KiB of a guest's console, also when it has ended");
  add_json(*logs_command, parsed.format);
  logs_command->callback(
      [&parsed] { parsed.command = [&parsed] { return logs(parsed.guest, parsed.format); }; });

  CLI::App* dump_command = add_for_guest(
      app, parsed, "dump",
      "Write a guest's RAM to a file: each page at its address, untouched and zero ones as holes");
  dump_command
      ->add_option("FILE", parsed.file,
                   "Where to; a file is replaced when all is written; '-' is standard output")
      ->required()
      ->type_name("")
      ->check(check_file);
  dump_command->callback(
      [&parsed] { parsed.command = [&parsed] { return dump(parsed.guest, parsed.file); }; });
}

void add_console(CLI::App& app, Parsed& parsed) {
  CLI::App* command = app.add_subcommand(
      "console", "Attach to a running guest's console; Ctrl-] detaches and the guest runs on");
  command->add_option("GUEST", parsed.console.guest, "The name of a running guest")
      ->required()
      ->type_name("")
      ->check(check_guest_name);
  add_parsed(*command, "--port", parsed.console.port, vmm::parse_console_port, port_notation,
             "Which console input goes to; the output of both is shown (default: com1)");
  add_parsed(*command, "--escape", parsed.console.escape, vmm::EscapeKey::parse, key_notation,
             "The key that detaches: ^X is Ctrl-X (default: ^])");
  command->footer(
      "At the end of an input that is no terminal it stays attached until the guest ends.\n"
      "Exit codes: 0 detached, 3 the guest has ended.");
  command->callback([&parsed] { parsed.command = [&parsed] { return console(parsed.console); }; });
}

void add_balloon(CLI::App& app, Parsed& parsed) {
  CLI::App* command =
      add_for_guest(app, parsed, "balloon", "Ask a guest to give up memory; a size of 0 gives it back");
  add_parsed(*command, "SIZE", parsed.bytes, parse_size, size_notation,
             "What it is to give up in all, such as 64M")
      ->required();
  command->callback(
      [&parsed] { parsed.command = [&parsed] { return balloon(parsed.guest, parsed.bytes); }; });
}

void add_image(CLI::App& app, Parsed& parsed) {
  CLI::App* image = app.add_subcommand("image", "Prepare images");
  image->require_subcommand(1);
  CLI::App* import = image->add_subcommand(
      "import", "Unpack a Linux kernel (bzImage) once, so that guests start faster and share it sooner");
  import->add_option("KERNEL", parsed.kernel, "A vmlinuz")->required()->type_name("")->check(check_file);
  import
      ->add_option("-o,--output", parsed.file,
                   "Where to (default: vmlinux-..., in the current folder); '-' is standard output")
      ->type_name("FILE")
      ->check(check_file);
  import->callback([&parsed] {
    parsed.command = [&parsed] { return import_image(parsed.kernel, parsed.file);
};
}  // namespace
);
}  // namespace samepage::cli

void add_host_commands(CLI::App& app, Parsed& parsed) {
  CLI::App* tune_command = app.add_subcommand("tune", "Show the merging daemon's knobs, or set some");
  tune_command->add_option("SETTING", parsed.tuning.settings, "KNOB=VALUE, such as merging=off")
      ->type_name("");
  tune_command->add_flag("--reset", parsed.tuning.reset, "first set all knobs to their defaults");
  add_json(*tune_command, parsed.format);
  tune_command->callback(
      [&parsed] { parsed.command = [&parsed] { return tune(parsed.tuning, parsed.format); }; });

  CLI::App* demo_command =
      app.add_subcommand("demo", "Run guests with common pages and show what sharing saves");
  demo_command->add_option("--guests", parsed.demo.guests, "How many (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(3U, 256U));
  add_parsed(*demo_command, "--mem", parsed.demo.memory_bytes, parse_size, size_notation,
             "RAM of each (default: 32M)");
  add_json(*demo_command, parsed.demo.format);
  demo_command->callback([&parsed] { parsed.command = [&parsed] { return demo(parsed.demo); }; });
}

void describe(CLI::App& app, Parsed& parsed) {
  app.name("samepage");
  app.set_version_flag("--version", "samepage " SAMEPAGE_VERSION);
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  app.require_subcommand(1);
  app.footer(exit_codes);
  add_run(app, parsed);
  add_views(app, parsed);
  add_console(app, parsed);
  add_for_guests(app, parsed, "pause", "Hold guests until resume", pause);
  add_for_guests(app, parsed, "resume", "Let paused guests go on", resume);
  add_for_guests(app, parsed, "stop", "End guests and wait until they are gone", stop);
  add_for_guests(app, parsed, "kill", "End guests the hard way (SIGKILL)", kill);
  add_balloon(app, parsed);
  add_image(app, parsed);
  add_host_commands(app, parsed);
}

// The words before "--"; those behind it are the guest's.
std::vector<std::string> own_words(int argc, const char* const* argv, std::vector<std::string>& for_guest) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const auto border = std::find(words.begin(), words.end(), "--");
  if (border != words.end()) for_guest.assign(border + 1, words.end());
  words.erase(border, words.end());
  return words;
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("Runs tiny KVM guests and keeps one copy of every page that they have in common.");
  Parsed parsed;
  describe(app, parsed);
  const std::vector<std::string> words = own_words(argc, argv, parsed.run.arguments);
  try {
    require_known_words(app, words);
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // the parser wants them in reverse
    if (!parsed.run.arguments.empty() && !app.got_subcommand("run")) {
      throw CLI::ExtrasError("samepage", parsed.run.arguments);
    }
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      return tell_parse_outcome(app, error, exit_usage);
    }
    complain(fmt::format("samepage: {}\nTry '{} --help'.", error.what(), command_of(app, words)));
    return exit_usage;
  }
  return parsed.command();
}

}  // namespace samepage::cli
