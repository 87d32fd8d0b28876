"""StackQL's own command line: `tokensh exec "SQL" ..` and `tokensh shell ..`, for scripts and programs that call `stackql`.

Its flags become tokensh's options. Those that tune StackQL's own machine mean nothing here and are passed over; those that
change what is sent, and that tokensh does not have, are refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from tokensh.errors import InterfaceError, NotSupportedError

_ELSEWHERE = {
    "registry": "provider documents are read from a folder: --registry DIR",
    "srv": "a program has tokensh.connect(), DB-API 2.0, and a SQLAlchemy dialect",
    "mcp": "a program has tokensh.connect(), DB-API 2.0, and a SQLAlchemy dialect",
}
_FORMATS = {"ndjson": "jsonl", "pptext": "text"}

_PASSED_OVER = """
    acid approot approotfilemode cachekeycount colorscheme cpuprofile dataflow.components.max dataflow.dependency.max
    dbInternal errorpresentation export.alias gc http.response.maxResults http.response.pageLimit indirect.depth.max
    loglevel mcp.config mcp.server.type metadatattl namespaces pgsrv.address pgsrv.loglevel pgsrv.port pgsrv.srv pgsrv.tls
    provider querycachesize session store.txn viperconfigfilename
"""
_PASSED_OVER_SWITCHES = "offline pgsrv.debug.enable usenonpreferredapis verbose"
_REFUSED = {
    "iqldata": "templates are not run: write {{ name }}, and give its value with --var name=value or --vars FILE",
    "configfile": "give its flags on the command line, or use tokensh's config.toml",
    "env.file": "set the variables before tokensh is called",
    "sqlBackend": "views and local tables are kept in a file: --store FILE",
    "http.proxy.user": "HTTPS_PROXY may hold a name and a password, a command line must not",
    "http.proxy.password": "HTTPS_PROXY may hold a name and a password, a command line must not",
}
_REFUSED_SWITCHES = {
    "tls.allowInsecure": "tls.CABundle names certificates to trust",
    "http.log.enabled": "--log FILE writes a line for each request",
    "testwithoutapicalls": "--dryrun explains and sends nothing",
}
_NOTHING = ("", "{}", "None")
"""Values that say what is so anyway; `None` is what pystackql writes where nothing was set."""
_SWITCH = re.compile(r"--([\w.]+)=(1|t|true|0|f|false)", re.IGNORECASE)


def parse(given: Sequence[str], native: argparse.ArgumentParser) -> argparse.Namespace:
    """The options of tokensh, whose parser is `native`, that a command line of StackQL means.

    Raises InterfaceError, NotSupportedError; SystemExit as argparse does.
    """
    command, *rest = given
    if command in _ELSEWHERE:
        raise NotSupportedError(f"tokensh has no command {command}", hint=_ELSEWHERE[command])
    if command == "help":
        native.print_help()
        native.exit()
    parser = _parser(command, native)
    options = parser.parse_intermixed_args([one for word in rest for one in _plain_switch(word)])
    for name, hint in (_REFUSED | _REFUSED_SWITCHES).items():
        if getattr(options, name, None) not in (None, False, *_NOTHING):
            raise NotSupportedError(f"--{name} is not supported", hint=hint)
    return _meant(command, options)


def _parser(command: str, native: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of tokensh, those of StackQL in the place of the ones of the same letter."""
    made = argparse.ArgumentParser(
        prog=f"tokensh {command}",
        usage=f"tokensh {command} [OPTION]... [SQL]",
        description="StackQL's own spelling. Its other flags are passed over, or refused with a hint; tokensh's own long\n"
        "options, such as --workspace, --sandbox and --yes, work here too: see tokensh --help.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[native],
        conflict_handler="resolve",
        allow_abbrev=False,
    )
    add = made.add_argument
    add("statement", metavar="SQL", nargs="*", help="one statement, or several with ; between them")
    add("-i", "--infile", metavar="FILE", default="stdin", help="run a file")
    add("-f", "--outfile", metavar="FILE", help="write results to a file")
    formats = _formats(native)
    output = f"{', '.join(formats)} (table)"
    add("-o", "--output", metavar="FORMAT", type=lambda name: _FORMATS.get(name, name), choices=formats, help=output)
    add("-H", "--hideheaders", action="store_true", help="no column names")
    add("-d", "--delimiter", metavar="C", type=_delimiter, help="between the cells of csv and text")
    add("-q", "--iqldata", metavar="FILE", help=argparse.SUPPRESS)
    add("-v", dest="verbose", action="store_true", help=argparse.SUPPRESS)
    add("--var", metavar="NAME=VALUE", action="append", default=[], help="a value for {{ NAME }}")
    add("--auth", metavar="JSON", help="where each provider's credential is")
    add("--registry", metavar="JSON|DIR", help="more providers: a folder of provider documents")
    add("--dryrun", dest="dry_run", action="store_true", help="only explain; nothing is sent")
    add("--apirequesttimeout", metavar="S", type=int, default=45, help="seconds for a request (45)")
    add("--execution.concurrency.limit", metavar="N", type=int, default=0, help="requests at a time")
    add("--tls.CABundle", metavar="FILE", help="certificates to trust")
    for name in ("host", "port", "scheme"):
        add(f"--http.proxy.{name}", metavar=name.upper(), default="", help=argparse.SUPPRESS)
    for name in (*_PASSED_OVER.split(), *_REFUSED):
        add(f"--{name}", help=argparse.SUPPRESS)
    for name in (*_PASSED_OVER_SWITCHES.split(), *_REFUSED_SWITCHES):
        add(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    for one in made._actions:
        one.help = one.help or argparse.SUPPRESS  # tokensh's own, whose help is elsewhere
    return made


def _formats(native: argparse.ArgumentParser) -> list[str]:
    (output,) = (one for one in native._actions if one.dest == "output")
    return list(output.choices or ())


def _plain_switch(word: str) -> list[str]:
    """Go's `--name=true` and `--name=false`, which argparse does not have."""
    found = _SWITCH.fullmatch(word)
    if found is None:
        return [word]
    return [f"--{found[1]}"] if found[2].lower() in ("1", "t", "true") else []


def _meant(command: str, options: argparse.Namespace) -> argparse.Namespace:
    made = argparse.Namespace(**vars(options))
    made.sources = _sources(command, options)
    made.outfile = _outfile(options.outfile)
    made.var = [one for text in options.var for one in _variables(text)]
    made.registry = _folder(options.registry) if options.registry else None
    made.environment = _environment(options)
    if options.timeout is None:
        made.timeout = float(options.apirequesttimeout if options.apirequesttimeout > 0 else 86400)
    limit = getattr(options, "execution.concurrency.limit")
    made.max_connections = min(limit, 64) if limit > 0 else options.max_connections
    made.despatched = command == "exec"
    return made


def _sources(command: str, options: argparse.Namespace) -> list[tuple[str, str]] | None:
    """What is to be run. Raises InterfaceError, NotSupportedError."""
    if len(options.statement) > 1:
        raise InterfaceError(f"{command} takes one statement, not {len(options.statement)}", hint="put it in quotes")
    found: list[tuple[str, str]] = options.sources or []
    if options.infile != "stdin":
        found = [*found, ("-f", options.infile)]
    if options.statement and found:
        raise InterfaceError("give either a statement or a file", hint="-i FILE runs a file")
    if options.statement:
        return [("", options.statement[0])]  # errors in it need no name of a file
    return found or ([("-f", "-")] if command == "exec" else None)


def _outfile(path: str | None) -> str | None:
    """Where results go, None for standard output. Raises InterfaceError where statements would be lost."""
    if path in (None, "stdout"):
        return None
    if path.lower().endswith((".sql", ".iql")) and os.path.exists(path):  # noqa: PTH110 (as cli, which does without pathlib)
        raise InterfaceError(
            f"-f of exec is the file for results, and {path} is there: it would be overwritten",
            hint="-i FILE runs a file",
        )
    return path


def _variables(text: str) -> list[str]:
    """`--var a=1,b=2` is two variables, as with StackQL; a comma before what is no NAME=VALUE belongs to the value."""
    return re.split(r",(?=[^\W\d][\w.-]*=)", text)


def _delimiter(text: str) -> str:
    delimiter = {r"\t": "\t", "tab": "\t"}.get(text, text)
    if len(delimiter) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not one character")
    return delimiter


def _folder(text: str) -> str:
    """The folder of `--registry`: itself, or the one that StackQL's JSON names. Raises InterfaceError, NotSupportedError."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InterfaceError(
            "--registry is neither a folder nor JSON", hint='for example {"url": "file:///DIR"}'
        ) from None
    url = urlsplit(str(found.get("url") or ""))
    folder = (
        unquote(url.path) if url.scheme == "file" and url.netloc in ("", "localhost") else found.get("localDocRoot")
    )
    if not folder:
        raise NotSupportedError(
            "no registry is downloaded from", hint='name a folder: --registry DIR, or {"url": "file:///DIR"}'
        )
    return str(folder)


def _environment(options: argparse.Namespace) -> dict[str, str]:
    """What StackQL's flags say that tokensh reads from the environment."""
    flags = vars(options)
    found = {}
    if host := flags["http.proxy.host"]:
        port = flags["http.proxy.port"]
        place = f"{host}:{port}" if port.isdecimal() and int(port) else host
        found["https_proxy"] = f"{flags['http.proxy.scheme'] or 'http'}://{place}"
    if bundle := flags["tls.CABundle"]:
        found["REQUESTS_CA_BUNDLE"] = bundle
    return found
