"""What is written from the table of options: the manual's topic, the man page, and completions for three shells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tokensh.cli.arguments import COMMANDS, SECTIONS, Argument
from tokensh.recipes.library import FOLDER, Recipe, read_recipe
from tokensh.render.manual import FOLDER as MANUAL

SUMMARY = "A SQL shell for Databricks personal access tokens"
DEFAULTS = (
    "The default workspace is that of `-w`, `-p`, `DATABRICKS_CONFIG_PROFILE`, config.toml, `DATABRICKS_HOST` or the default profile "
    "of `~/.databrickscfg`. Its credential is that of `-p` alone, else `DATABRICKS_TOKEN` or `DATABRICKS_CLIENT_ID` with "
    "`DATABRICKS_CLIENT_SECRET`, else the profile of its host, else the Databricks CLI's login. Without `-c` and `-f`, statements are "
    "read from standard input; on a terminal the shell opens. Statements and files run in the order in which they are given."
)
STATUSES = {
    0: "everything succeeded and every byte was written",
    1: "a statement failed",
    2: "usage, configuration, credentials, a placeholder without a value",
    4: "a write whose outcome is unknown, or that took effect but whose result could not be delivered",
    130: "interrupted",
}
EXAMPLES = {
    "tokensh --sandbox": "a shell on an emulated workspace",
    "tokensh --sandbox -c 'SELECT * FROM user_tokens'": "one statement, rows as a table",
    "tokensh -v deployment_name=dbc-a1b2c3d4-e5f6 < select.sql": "a value for a placeholder",
    "tokensh -o json -w dbc-a1b2c3d4-e5f6 -f inventory.sql": "a script, rows as JSON",
    "tokensh run audit -o html -O audit.html": "a recipe; tokensh run lists them",
    "tokensh help rotate": "a topic of the manual; tokensh help lists them",
    "tokensh mcp -w dbc-a1b2c3d4-e5f6": "for assistants; tokensh mcp --help",
    "tokensh serve -w dbc-a1b2c3d4-e5f6": "for PostgreSQL clients; tokensh serve --help",
    "tokensh reveal": "the values of new tokens that wait",
    "tokensh exec 'SELECT 1' -o csv": "StackQL's spelling of the options; tokensh exec --help",
}
FILES = {
    "~/.config/tokensh/config.toml": "settings; recipes/ and rc.sql beside it are your own",
    "~/.databrickscfg": "profiles of Databricks' own tools",
}
RUN_OPTIONS = {"--show": "print the text of the recipe", "--grace": "rotate: days that the old token is kept"}


def _heads(argument: Argument, wrap: str = "{}") -> str:
    return ", ".join(wrap.format(f"{flag} {argument.metavar}".rstrip()) for flag in argument.flags)


# ---- the topic


def command_line_page() -> str:
    """Return the topic of the manual, as Markdown."""

    def cell(text: str) -> str:
        return text.replace("|", r"\|")

    def table(header: str, rows: Iterator[str]) -> str:
        return "\n".join((header, "| --- | --- |", *rows))

    sections = [
        f"## {title.capitalize()}\n\n"
        + table("| option | meaning |", (f"| {cell(_heads(each, '`{}`'))} | {cell(each.help)} |" for each in arguments))
        for title, arguments in SECTIONS.items()
    ]
    commands = (f"| `tokensh {f'{name} {words}'.rstrip()}` | {text} |" for name, (words, text) in COMMANDS.items())
    return "\n\n".join(
        (
            "# The command line: every option, defaults and exit statuses",
            DEFAULTS,
            table("| command | meaning |", commands),
            *sections,
            "## Exit status\n\n" + table("| status | meaning |", (f"| {n} | {text} |" for n, text in STATUSES.items())),
            "## Examples\n\n" + table("| command | meaning |", (f"| `{c}` | {text} |" for c, text in EXAMPLES.items())),
        )
    )


# ---- the man page


def _roff(text: str) -> str:
    """Return a text for a man page: no character or line of it is an instruction; `code` is bold."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("~", r"\(ti")
    return re.sub(r"`([^`]*)`", r"\\fB\1\\fR", re.sub(r"^\.", r"\\&.", escaped, flags=re.MULTILINE))


def man_page() -> str:
    """Return tokensh(1) as roff."""

    def entries(rows: Iterator[tuple[str, str]]) -> Iterator[str]:
        for head, text in rows:
            yield f".TP\n.B {_roff(head)}\n{_roff(text)}"

    lines = [
        ".TH TOKENSH 1",
        f".SH NAME\ntokensh \\- {_roff(SUMMARY)}",
        ".SH SYNOPSIS\n.B tokensh\n[\\fICOMMAND\\fR] [\\fIOPTION\\fR]...",
        f".SH DESCRIPTION\n{_roff(DEFAULTS)}",
        ".SH COMMANDS",
        *entries((f"{name} {words}".rstrip(), text) for name, (words, text) in COMMANDS.items()),
        ".SH OPTIONS",
    ]
    for title, arguments in SECTIONS.items():
        lines += [f".SS {_roff(title.capitalize())}", *entries((_heads(each), each.help) for each in arguments)]
    lines += [
        ".SH EXIT STATUS",
        *entries((str(number), text) for number, text in STATUSES.items()),
        ".SH FILES",
        *entries(iter(FILES.items())),
        ".SH EXAMPLES",
        *entries(iter(EXAMPLES.items())),
        ".SH SEE ALSO\n.B tokensh help\nlists the topics of the manual.",
    ]
    return "\n".join(lines)


# ---- completions


def _all_arguments() -> list[Argument]:
    return [argument for arguments in SECTIONS.values() for argument in arguments]


def _recipes() -> list[Recipe]:
    return [read_recipe(path.stem, path.read_text(), str(path)) for path in sorted(FOLDER.glob("*.sql"))]


def _parameters(recipe: Recipe) -> list[str]:
    return [f"{each.name}={choice}" for each in recipe.parameters for choice in each.choices or ("",)]


def _topics() -> str:
    return " ".join(sorted({path.stem for path in MANUAL.glob("*.md")} | {"command-line"}))


def _kind(argument: Argument) -> str:
    """Return what completes an option's value: words, file, folder, program, profile, or nothing."""
    kinds = {"FILE": "file", "PATH": "file", "DIR|URL": "folder", "PROGRAM": "program", "PROFILE": "profile"}
    return "words" if argument.choices else kinds.get(argument.metavar, "")


def _value_flags() -> str:
    """Return the options that are followed by a value, as a pattern of `case`."""
    return "|".join([*(flag for each in _all_arguments() if each.metavar for flag in each.flags), "--grace"])


_GENERATED = "# Written from the table of options by `python -m tests.manual_pages`."
# As the user's own recipes say it in their headers; those of the package are written out, which is faster.
_READ_PARAMETERS = r"sed -n 's/^-- parameter: *\([A-Za-z0-9_]*\).*/\1=/p'"
_OWN = '"${XDG_CONFIG_HOME:-$HOME/.config}/tokensh/recipes"'
_READ_PROFILES = r"""sed -n 's/^ *\[\([^]]*\)\].*/\1/p' "${DATABRICKS_CONFIG_FILE:-$HOME/.databrickscfg}" 2>/dev/null"""


def bash_completion() -> str:
    """Return the completion for bash; it needs no bash-completion package."""
    actions = {
        "file": 'COMPREPLY=($(compgen -f -- "$word"))',
        "folder": 'COMPREPLY=($(compgen -d -- "$word"))',
        "program": 'COMPREPLY=($(compgen -c -- "$word"))',
        "profile": f'COMPREPLY=($(compgen -W "$({_READ_PROFILES})" -- "$word"))',
        "": "COMPREPLY=()",
    }
    values = []
    for each in filter(lambda argument: argument.metavar, _all_arguments()):
        action = actions.get(_kind(each), f'COMPREPLY=($(compgen -W "{" ".join(each.choices)}" -- "$word"))')
        values.append(f"    {'|'.join(each.flags)}) {action}; return ;;")
    flags = " ".join(flag for each in _all_arguments() for flag in each.flags)
    parameters = "\n".join(
        f'    {recipe.name}) words="{" ".join(_parameters(recipe))}" ;;' for recipe in _recipes() if recipe.parameters
    )
    return rf"""{_GENERATED}
_tokensh_recipes() {{
  echo {" ".join(recipe.name for recipe in _recipes())}
  local file
  for file in {_OWN}/*.sql; do
    [ -f "$file" ] && basename "$file" .sql
  done
}}

_tokensh_parameters() {{
  local own={_OWN}/$1.sql words=
  if [ -f "$own" ]; then
    {_READ_PARAMETERS} "$own"
    return
  fi
  case $1 in
{parameters}
  esac
  echo "$words"
}}

_tokensh() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}} recipe= name= at
  local flags="{flags}"
  # bash splits NAME=VALUE into three words.
  if [[ $word == = ]]; then
    name=$before word=
  elif [[ $before == = ]]; then
    name=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  case $before in
{chr(10).join(values)}
    --grace) COMPREPLY=(); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ] && [[ $word != -* ]]; then
    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)}" -- "$word"))
    return
  fi
  case $command in
    help)
      COMPREPLY=($(compgen -W "{_topics()}" -- "$word")) ;;
    run)
      for ((at = 2; at < COMP_CWORD; at++)); do
        case ${{COMP_WORDS[at]}} in
          {_value_flags()}) ((at++)) ;;
          -*) ;;
          *) recipe=${{COMP_WORDS[at]}}; break ;;
        esac
      done
      if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$flags {" ".join(RUN_OPTIONS)}" -- "$word"))
      elif [ -z "$recipe" ]; then
        COMPREPLY=($(compgen -W "$(_tokensh_recipes)" -- "$word"))
      elif [ -n "$name" ]; then
        COMPREPLY=($(compgen -W "$(_tokensh_parameters "$recipe" | tr ' ' '\n' | sed -n "s/^$name=//p")" -- "$word"))
      else
        COMPREPLY=($(compgen -W "$(_tokensh_parameters "$recipe" | tr ' ' '\n' | sed 's/=.*/=/')" -- "$word"))
        compopt -o nospace 2>/dev/null
      fi ;;
    *)
      COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
  esac
}}

complete -o bashdefault -F _tokensh tokensh"""


def _zsh_quote(text: str) -> str:
    """Return a text as a part of a specification of _arguments, in single quotes."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", r"'\''")


def zsh_completion() -> str:
    """Return the completion for zsh."""
    actions = {
        "file": "_files",
        "folder": "_files -/",
        "program": "_command_names -e",
        "profile": "_tokensh_profiles",
        "": " ",
    }
    options = []
    for each in _all_arguments():
        action = actions.get(_kind(each), f"({' '.join(each.choices)})")
        value = f":{_zsh_quote(each.metavar)}:{action}" if each.metavar else ""
        repeats = (each.settings or {}).get("action") == "append"
        others = "" if repeats else f"({' '.join(each.flags)})"
        for flag in each.flags:
            star = "*" if repeats else ""
            options.append(f"    '{others}{star}{flag}[{_zsh_quote(each.brief or each.help)}]{value}'")
    run_options = "\n".join(
        f"        '{flag}[{_zsh_quote(text)}]{':DAYS: ' if flag == '--grace' else ''}' \\"
        for flag, text in RUN_OPTIONS.items()
    )
    commands = "\n".join(f"    '{name}:{_zsh_quote(text)}'" for name, (_, text) in COMMANDS.items())
    recipes = "\n".join(f"    '{recipe.name}:{_zsh_quote(recipe.title)}'" for recipe in _recipes())
    parameters = "\n".join(
        f"    {recipe.name}) found=({' '.join(_parameters(recipe))}) ;;" for recipe in _recipes() if recipe.parameters
    )
    return rf"""#compdef tokensh
{_GENERATED}
_tokensh_profiles() {{
  local -a found=(${{(f)"$({_READ_PROFILES})"}})
  compadd -a found
}}

_tokensh_recipes() {{
  local -a found=(
{recipes}
    {_OWN}/*.sql(N:t:r)
  )
  _describe recipe found
}}

_tokensh_parameters() {{
  local own={_OWN}/$recipe.sql
  local -a found
  if [[ -f $own ]]; then
    found=(${{(f)"$({_READ_PARAMETERS} $own)"}})
  else
    case $recipe in
{parameters}
    esac
  fi
  compadd -S '' -a found
}}

_tokensh() {{
  local recipe at
  local -a options=(
{chr(10).join(options)}
  )
  local -a commands=(
{commands}
  )
  case $words[2] in
    run)
      shift words
      (( CURRENT-- ))
      for (( at = 2; at < CURRENT; at++ )); do
        case $words[at] in
          {_value_flags()}) (( at++ )) ;;
          -*) ;;
          *) recipe=$words[at]; break ;;
        esac
      done
      _arguments -s : $options \
{run_options}
        '1:recipe:_tokensh_recipes' '*:parameter:_tokensh_parameters' ;;
    help)
      shift words
      (( CURRENT-- ))
      _arguments '1:topic:({_topics()})' ;;
    *)
      _arguments -s : $options '1: :{{_describe command commands}}' ;;
  esac
}}

_tokensh "$@"
"""


def fish_completion() -> str:
    """Return the completion for fish."""

    def quote(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", r"\'") + "'"

    actions = {
        "file": "-r -F",
        "folder": "-x -a '(__fish_complete_directories)'",
        "program": "-x -a '(__fish_complete_command)'",
        "profile": f"-x -a {quote(f'({_FISH_PROFILES})')}",
        "": "-x",
    }
    lines = [
        _GENERATED,
        "complete -c tokensh -f",
        f"set -l commands {' '.join(COMMANDS)}",
    ]
    for name, (_, text) in COMMANDS.items():
        lines.append(f"complete -c tokensh -n __fish_is_first_arg -a {name} -d {quote(text)}")
    for each in _all_arguments():
        names = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in each.flags)
        action = actions.get(_kind(each), f"-x -a {quote(' '.join(each.choices))}") if each.metavar else ""
        lines.append(f"complete -c tokensh {names} {action} -d {quote(each.brief or each.help)}".replace("  ", " "))
    runs = "-n '__fish_seen_subcommand_from run'"
    lines += [
        f"complete -c tokensh {runs} -l show -d {quote(RUN_OPTIONS['--show'])}",
        f"complete -c tokensh {runs} -l grace -x -d {quote(RUN_OPTIONS['--grace'])}",
        f"complete -c tokensh -n '__fish_seen_subcommand_from help' -a {quote(_topics())}",
        _FISH_RECIPES,
    ]
    names = " ".join(recipe.name for recipe in _recipes())
    first = f"{runs[:-1]}; and not __fish_seen_subcommand_from {names} (__tokensh_own_recipes)'"
    for recipe in _recipes():
        lines.append(f"complete -c tokensh {first} -a {recipe.name} -d {quote(recipe.title)}")
        if recipe.parameters:
            seen = f"{runs[:-1]}; and __fish_seen_subcommand_from {recipe.name}'"
            lines.append(f"complete -c tokensh {seen} -a {quote(' '.join(_parameters(recipe)))}")
    lines.append(f"complete -c tokensh {first} -a '(__tokensh_own_recipes)'")
    lines.append(f"complete -c tokensh {runs} -a '(__tokensh_own_parameters)'")
    return "\n".join(lines)


_FISH_PROFILES = (
    r"string match -rg '^ *\[([^]]*)\]' < "
    r"(set -q DATABRICKS_CONFIG_FILE; and echo $DATABRICKS_CONFIG_FILE; or echo ~/.databrickscfg) 2>/dev/null"
)
_FISH_RECIPES = r"""function __tokensh_own_folder
    set -q XDG_CONFIG_HOME; and echo $XDG_CONFIG_HOME/tokensh/recipes; or echo ~/.config/tokensh/recipes
end
function __tokensh_own_recipes
    for file in (__tokensh_own_folder)/*.sql
        basename $file .sql
    end
end
function __tokensh_own_parameters
    for word in (commandline -opc)
        set -l file (__tokensh_own_folder)/$word.sql
        test -f $file; and string match -rg '^-- parameter: *(\w+)' < $file | string replace -r '$' =
    end
end"""

SHARED: dict[str, Callable[[], str]] = {
    "man/man1/tokensh.1": man_page,
    "bash-completion/completions/tokensh": bash_completion,
    "zsh/site-functions/_tokensh": zsh_completion,
    "fish/vendor_completions.d/tokensh.fish": fish_completion,
}
"""The files of the wheel's data folder `share`, with what writes each."""
SHARE = Path(__file__).parents[1] / "tokensh" / "cli" / "share"
