"""Reads settings from a TOML file: the options of a command by their names, without the dashes.

    host = "0.0.0.0"
    login-port = 443
    name = ["msn.example.com", "login.live.com"]

The command line overrides the environment, and the environment overrides the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

__all__ = ["config_option"]


def config_option(command: Any) -> Any:
    """Add --config. It is read before the other options."""
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, readable=True),
        is_eager=True,
        expose_value=False,
        callback=_read,
        help="TOML file with options by their names, as in: login-port = 443.",
    )(command)


def _read(context: click.Context, parameter: click.Parameter, path: str | None) -> None:
    if path is None:
        return
    try:
        settings = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as problem:
        raise click.BadParameter(f"{path}: {problem}", context, parameter) from None
    options = {
        option.opts[0].removeprefix("--"): option
        for option in context.command.params
        if isinstance(option, click.Option) and option.expose_value
    }
    defaults = {}
    for name, value in settings.items():
        option = options.get(name.replace("_", "-"))
        if option is None or option.name is None:
            raise click.BadParameter(
                f"{path}: there is no option {name}; `--help` names them", context, parameter
            )
        defaults[option.name] = _as_words(path, name, option, value)
    context.default_map = defaults


def _as_words(path: str, name: str, option: click.Option, value: object) -> object:
    """Return a value in the form of the command line, so that click checks it in the same way."""
    if option.is_flag:
        if isinstance(value, bool):
            return value
        raise click.UsageError(f"{path}: {name} is true or false")
    if option.multiple:
        several = value if isinstance(value, list) else [value]
        return [_as_word(path, name, one) for one in several]
    return _as_word(path, name, value)


def _as_word(path: str, name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise click.UsageError(f"{path}: {name} is a text or a number")
    word = str(value)
    if not word.isprintable():
        raise click.UsageError(f"{path}: {name} holds a control character")
    return word
