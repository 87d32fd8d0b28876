"""Translate StackQL's command line, `tokensh exec "SQL" ...` and `tokensh shell ...`, for programs that call `stackql`.

Its flags become tokensh's options. Flags that tune StackQL itself are accepted and ignored; flags that would change what is
sent, and that tokensh does not have, are refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from tokensh.api.limits import MAX_CONNECTIONS, MAX_TIMEOUT
from tokensh.cli.usage import STACKQL_COMMANDS, UsageParser, choice_of
from tokensh.errors import InterfaceError
from tokensh.render.formats import FORMATS

_OTHER_COMMANDS = {
    "registry": "REGISTRY LIST and REGISTRY PULL are statements: tokensh exec 'REGISTRY LIST'",
    "srv": "write the command first: tokensh srv [OPTION]...",
    "mcp": "write the command first: tokensh mcp [OPTION]...",
}
_FORMAT_ALIASES = {"ndjson": "jsonl", "pptext": "text"}

# A flag that is in none of these lists is an error: a mistyped one must not be dropped silently.
_IGNORED = """
    acid approot approotfilemode cachekeycount colorscheme cpuprofile dataflow.components.max dataflow.dependency.max
    dbInternal errorpresentation export.alias gc http.response.maxResults http.response.pageLimit indirect.depth.max
    loglevel mcp.config mcp.server.type metadatattl namespaces pgsrv.address pgsrv.loglevel pgsrv.port pgsrv.srv pgsrv.tls
    pgsrv.sundry preview provider querycachesize session store.txn viperconfigfilename
"""
_IGNORED_SWITCHES = "offline pgsrv.debug.enable usenonpreferredapis verbose"
_REFUSED = {
    "iqldata": "templates are not supported: write {{ name }}, and give its value with --var name=value or --vars FILE",
    "configfile": "give its flags on the command line, or use tokensh's config.toml",
    "env.file": "set the variables before tokensh is called",
    "sqlBackend": "views and local tables are kept in a file: --store FILE",
    "http.proxy.user": "put the user and password into HTTPS_PROXY: other users can read a command line",
    "http.proxy.password": "put the user and password into HTTPS_PROXY: other users can read a command line",
}
_REFUSED_SWITCHES = {
    "tls.allowInsecure": "tls.CABundle names certificates to trust",
    "http.log.enabled": "--log FILE writes a line for each request",
    "testwithoutapicalls": "--dryrun explains and sends nothing",
}
_NO_VALUE = ("", "{}", "None")
"""Values that change nothing; pystackql writes `None` for options that are not set."""
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")
"""The values of switches, as Go reads them."""


def parse(words: Sequence[str], native: argparse.ArgumentParser) -> argparse.Namespace | None:
    """Return the options of tokensh that a command line of StackQL asks for; None if it names no command of StackQL's.

    `native` is tokensh's own parser. Raises InterfaceError; SystemExit as argparse does.
    """
    parser = _build_parser(native)
    at = _find_command(words, parser)
    if at is None:
        return None
    command, others = words[at], [*words[:at], *words[at + 1 :]]
    if command in _OTHER_COMMANDS:
        raise InterfaceError(f"the command {command!r} is not supported", hint=_OTHER_COMMANDS[command])
    if command == "help":
        native.print_help()
        native.exit()
    parser.prog = f"tokensh {command}"
    parser.usage = f"tokensh {command} [OPTION]... [SQL]"
    # Options and positional arguments are intermixed, because cobra, StackQL's parser, takes flags before and after the statement.
    options = parser.parse_intermixed_args(_plain_switches(others, parser))
    for name, hint in (_REFUSED | _REFUSED_SWITCHES).items():
        if getattr(options, name, None) not in (None, False, *_NO_VALUE):
            raise InterfaceError(f"--{name} is not supported", hint=hint)
    return _translate_options(command, options)


def _find_command(words: Sequence[str], parser: argparse.ArgumentParser) -> int | None:
    """Return where the command stands: it is the first word that is neither a flag nor the value of one."""
    is_value = False
    for at, word in enumerate(words):
        if is_value:
            is_value = False
        elif word == "--":
            return None
        elif not word.startswith("-"):
            return at if word in STACKQL_COMMANDS else None
        else:
            action = parser._option_string_actions.get(word)
            is_value = action is not None and action.nargs != 0
    return None


def _plain_switches(words: Sequence[str], parser: argparse.ArgumentParser) -> list[str]:
    """Translate Go's `--switch=true` to `--switch` and `--switch=false` to nothing: argparse has neither."""
    end = words.index("--") if "--" in words else len(words)
    plain: list[str] = []
    for word in words[:end]:
        name, _, value = word.partition("=")
        action = parser._option_string_actions.get(name)
        if action is None or action.nargs != 0 or value.lower() not in (*_TRUE, *_FALSE):
            plain.append(word)
        elif value.lower() in _TRUE:
            plain.append(name)
    return [*plain, *words[end:]]


def _build_parser(native: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return a parser of tokensh's options, in which StackQL's replace those of the same letter."""
    parser = UsageParser(
        description="StackQL's spelling of the options. Its other flags are ignored, or refused with a hint; tokensh's own\n"
        "long options, such as --workspace, --sandbox and --yes, work here too: see tokensh --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[native],
        conflict_handler="resolve",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("statement", metavar="SQL", nargs="*", help="one statement, or several with ; between them")
    add("-i", "--infile", metavar="FILE", default="stdin", help="run a file")
    add("-f", "--outfile", metavar="FILE", help="write results to a file")
    formats = f"{', '.join(FORMATS)} (table)"
    add("-o", "--output", metavar="FORMAT", type=_parse_format, help=formats)
    add("-H", "--hideheaders", action="store_true", help="no column names")
    add("-d", "--delimiter", metavar="C", type=_parse_delimiter, help="the delimiter of csv and text")
    add("-q", "--iqldata", metavar="FILE", help=argparse.SUPPRESS)
    add("-v", dest="verbose", action="store_true", help=argparse.SUPPRESS)
    add("--var", metavar="NAME=VALUE", action="append", default=[], help="a value for {{ NAME }}")
    add("--auth", metavar="JSON", help="where each provider's credential is")
    add("--registry", metavar="JSON|DIR", help="more providers: a folder of provider documents")
    add("--dryrun", dest="dry_run", action="store_true", help="only explain; nothing is sent")
    add("--apirequesttimeout", metavar="S", type=int, default=45, help="seconds for a request (45)")
    add("--execution.concurrency.limit", metavar="N", type=int, default=0, help="requests at a time")
    add("--tls.CABundle", metavar="FILE", help="certificates to trust")
    # The proxy becomes a variable, because requests reads proxies from there, NO_PROXY included.
    for name in ("host", "port", "scheme"):
        add(f"--http.proxy.{name}", metavar=name.upper(), default="", help=argparse.SUPPRESS)
    for name in (*_IGNORED.split(), *_REFUSED):
        add(f"--{name}", help=argparse.SUPPRESS)
    for name in (*_IGNORED_SWITCHES.split(), *_REFUSED_SWITCHES):
        add(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    for action in parser._actions:
        action.help = action.help or argparse.SUPPRESS  # tokensh's own options, which `tokensh --help` describes
    return parser


def _translate_options(command: str, options: argparse.Namespace) -> argparse.Namespace:
    translated = argparse.Namespace(**vars(options))
    translated.sources = _select_sources(command, options)
    translated.outfile = _check_outfile(options.outfile)
    translated.var = [pair for text in options.var for pair in _split_variables(text)]
    translated.registry = _registry_folder(options.registry) if options.registry else None
    translated.environment = _to_environment(options)
    if options.timeout is None:  # 0 means no timeout to StackQL
        seconds = options.apirequesttimeout
        translated.timeout = float(seconds) if seconds > 0 else MAX_TIMEOUT
    limit = getattr(options, "execution.concurrency.limit")
    translated.max_connections = min(limit, MAX_CONNECTIONS) if limit > 0 else options.max_connections
    translated.despatched = command == "exec"
    return translated


def _select_sources(command: str, options: argparse.Namespace) -> list[tuple[str, str]] | None:
    """Return what is to be run, as the options `-c` and `-f` of tokensh do. Raises InterfaceError."""
    if len(options.statement) > 1:
        raise InterfaceError(f"{command} takes one statement, not {len(options.statement)}", hint="put it in quotes")
    sources: list[tuple[str, str]] = options.sources or []
    if options.infile != "stdin":
        sources = [*sources, ("-f", options.infile)]
    if options.statement and sources:
        raise InterfaceError("give either a statement or a file", hint="-i FILE runs a file")
    if options.statement:
        # An empty name, so that errors read as StackQL's do, without a file's name in front.
        return [("", options.statement[0])]
    return sources or ([("-f", "-")] if command == "exec" else None)


def _check_outfile(path: str | None) -> str | None:
    """Return the file for results, None for standard output. Raises InterfaceError if it would overwrite a script."""
    if path in (None, "stdout"):
        return None
    # In StackQL `-f` is the file for results, elsewhere in tokensh it is the script: the mix-up would destroy the script.
    if path.lower().endswith((".sql", ".iql")) and os.path.exists(path):  # noqa: PTH110 (as cli, which does without pathlib)
        raise InterfaceError(
            f"-f of exec is the file for results; it would overwrite {path}",
            hint="-i FILE runs a file",
        )
    return path


def _split_variables(text: str) -> list[str]:
    """Split `a=1,b=2` into two variables, as StackQL does; other commas belong to a value."""
    return re.split(r",(?=[^\W\d][\w.-]*=)", text)


def _parse_format(name: str) -> str:
    return choice_of("format", tuple(FORMATS))(_FORMAT_ALIASES.get(name, name))


def _parse_delimiter(text: str) -> str:
    delimiter = {r"\t": "\t", "tab": "\t"}.get(text, text)
    if len(delimiter) != 1:
        raise argparse.ArgumentTypeError(f"invalid delimiter: {text!r}; expected one character")
    return delimiter


def _registry_folder(text: str) -> str:
    """Return the folder or the https address of `--registry`, which StackQL's JSON may name. Raises InterfaceError."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        registry = json.loads(text)
    except (ValueError, RecursionError):
        raise InterfaceError(
            "invalid --registry: neither a folder nor JSON", hint='for example {"url": "file:///DIR"}'
        ) from None
    url = urlsplit(str(registry.get("url") or ""))
    if url.scheme == "https" and not registry.get("localDocRoot"):
        return str(registry["url"])
    folder = (
        unquote(url.path) if url.scheme == "file" and url.netloc in ("", "localhost") else registry.get("localDocRoot")
    )
    if not folder:
        raise InterfaceError(
            "invalid --registry: its url is neither a folder nor an https address",
            hint='name a folder: --registry DIR, or {"url": "file:///DIR"}',
        )
    # StackQL looks for the providers in `src`, or in the folder of this name.
    prefix = registry.get("srcPrefix")
    return os.path.join(str(folder), prefix) if isinstance(prefix, str) else str(folder)  # noqa: PTH118 (as above)


def _to_environment(options: argparse.Namespace) -> dict[str, str]:
    """Return environment variables in the place of StackQL's flags for proxies and certificates."""
    flags = vars(options)
    variables = {}
    if host := flags["http.proxy.host"]:
        port = flags["http.proxy.port"]
        address = f"{host}:{port}" if port.isdecimal() and int(port) else host
        variables["https_proxy"] = f"{flags['http.proxy.scheme'] or 'http'}://{address}"
    if bundle := flags["tls.CABundle"]:
        variables["REQUESTS_CA_BUNDLE"] = bundle
    return variables
